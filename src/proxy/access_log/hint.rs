//! Hints for operators whose proxy asks for verdicts without handing over the whole request. All of
//! its deliveries are rejected then.

use tower_cartgate::RejectionKind;

use crate::outcome::reject_reason::RejectReason;

/// Returns the likely mistake in the proxy's configuration behind a rejection of a verdict
/// endpoint, if there is one.
pub(super) fn of(reason: &str, received: u64) -> Option<&'static str> {
    let is = |kind: RejectionKind| reason == kind.as_str();
    if is(RejectionKind::Method) {
        Some("for a delivery, the proxy must keep the method: preserveRequestMethod in Traefik")
    } else if reason == RejectReason::PartialBody.reason() {
        Some(
            "the body is over max_request_bytes in Envoy, which must also set allow_partial_message: false",
        )
    } else if is(RejectionKind::SignatureMissing) {
        Some(
            "for a delivery, the proxy must pass on the signature: allowed_headers in Envoy, authRequestHeaders in Traefik",
        )
    } else if is(RejectionKind::Mismatch) && received == 0 {
        Some(
            "for a delivery, the proxy must pass on the body: with_request_body in Envoy, forwardBody in Traefik",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_proxy_may_leave_out_has_a_hint() {
        for (reason, received, part) in [
            ("method", 0, Some("preserveRequestMethod")),
            ("signature-missing", 0, Some("allowed_headers")),
            ("mismatch", 0, Some("forwardBody")),
            ("mismatch", 1, None),
            ("partial-body", 0, Some("allow_partial_message")),
            ("signature-repeated", 0, None),
            ("too-large", 0, None),
        ] {
            let hint = of(reason, received);
            assert_eq!(hint.is_some(), part.is_some(), "{reason}");
            assert!(hint.unwrap_or_default().contains(part.unwrap_or_default()));
        }
    }
}
