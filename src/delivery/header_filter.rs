//! The header filter. A request loses the headers that must not reach a destination; a response
//! loses those that only the gate may send. `header_policy` has the rules.

use http::{
    HeaderMap, HeaderName,
    header::{self, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE},
};

use super::{
    header_policy::{HeaderRule, rule},
    trace,
};
use crate::outcome::problem::{DELIVERY, PROXY_STATUS};

/// Drops the headers of a request that must not reach a destination, and the `extra` ones of its
/// endpoint. `signature` is the verified header.
pub(crate) fn filter_request(
    headers: &mut HeaderMap,
    signature: &HeaderName,
    extra: &[HeaderName],
    hop_is_trusted: bool,
) {
    let dropped: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_dropped(name, hop_is_trusted))
        .chain(extra)
        .cloned()
        .chain(connection_options(headers))
        .filter(|name| !is_protected(name, signature))
        .collect();
    for name in dropped {
        headers.remove(name);
    }
    // Last, because without its `traceparent` a `tracestate` means nothing.
    trace::keep_if_valid(headers);
}

/// Removes the headers that `Connection` names and the `extra` ones of an endpoint. Returns whether
/// there was one.
pub(super) fn remove_named(
    headers: &mut HeaderMap,
    signature: &HeaderName,
    extra: &[HeaderName],
) -> bool {
    let named = connection_options(headers).chain(extra.iter().cloned());
    let named: Vec<_> = named
        .filter(|name| headers.contains_key(name) && !is_protected(name, signature))
        .collect();
    for name in &named {
        headers.remove(name);
    }
    !named.is_empty()
}

/// Drops the `extra` headers of an endpoint from a stored event, whose headers were filtered
/// before.
pub(super) fn drop_headers(headers: &mut HeaderMap, extra: &[HeaderName]) {
    for name in extra {
        headers.remove(name);
    }
    trace::keep_if_valid(headers);
}

/// Returns whether an operator may set this header for an endpoint or a destination. Headers that
/// frame a request, state its origin, or belong to the gate may not be set.
#[must_use]
pub fn header_may_be_set(name: &HeaderName, signature: &HeaderName) -> bool {
    const OWN: [HeaderName; 3] = [header::VIA, trace::TRACEPARENT, trace::TRACESTATE];
    let is_free = matches!(rule(name.as_str()), None | Some(HeaderRule::FromOperator));
    is_free && !is_protected(name, signature) && !OWN.contains(name)
}

/// Returns whether an operator may drop this header from an endpoint's deliveries. A header that a
/// destination is promised may not be dropped. Nor may one that is always dropped, which would look
/// as if it could reach a destination.
#[must_use]
pub fn header_may_be_dropped(name: &HeaderName, signature: &HeaderName) -> bool {
    !is_protected(name, signature) && !is_dropped(name, true)
}

/// Returns whether the header belongs to the payload. An attacker must not strip the signature or
/// the type from a captured delivery by naming them in `Connection`.
pub(super) fn is_protected(name: &HeaderName, signature: &HeaderName) -> bool {
    name == signature || [CONTENT_TYPE, CONTENT_ENCODING].contains(name)
}

/// Returns whether a rule drops the header.
pub(super) fn is_dropped(name: &HeaderName, hop_is_trusted: bool) -> bool {
    match rule(name.as_str()) {
        None => false,
        Some(HeaderRule::FromTrustedHop) => !hop_is_trusted,
        Some(HeaderRule::Dropped | HeaderRule::FromOperator) => true,
    }
}

/// Drops the headers of a destination's response that belong to its connection, and those that only
/// the gate may send.
pub(crate) fn filter_response(headers: &mut HeaderMap) {
    let known = headers
        .keys()
        .filter(|name| is_dropped_from_responses(name));
    let mut dropped: Vec<HeaderName> = known.cloned().collect();
    if dropped.is_empty() {
        // Then there is no `Connection` either.
        return;
    }
    let named = connection_options(headers)
        .filter(|name| ![header::CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING].contains(name));
    dropped.extend(named);
    for name in dropped {
        headers.remove(name);
    }
}

fn is_dropped_from_responses(name: &HeaderName) -> bool {
    let is_of_connection = matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    );
    is_of_connection || name == PROXY_STATUS || name == DELIVERY
}

/// Returns the names in `Connection` (RFC 9110, section 7.6.1).
fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> + '_ {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .filter_map(|name| name.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(lines: &[(&'static str, &'static str)], trusted: bool) -> Vec<String> {
        filtered_with(lines, &[], trusted)
    }

    fn filtered_with(
        lines: &[(&'static str, &'static str)],
        extra: &[HeaderName],
        trusted: bool,
    ) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_static(name),
                value.parse().expect("a value"),
            );
        }
        filter_request(
            &mut headers,
            &tower_cartgate::Signature::HEADER,
            extra,
            trusted,
        );
        let mut left: Vec<_> = headers.keys().map(ToString::to_string).collect();
        left.sort();
        left
    }

    #[test]
    fn what_an_app_could_act_on_is_dropped() {
        let lines = [
            ("connection", "close, x-mine, content-type"),
            ("x-mine", "1"),
            ("content-type", "application/json"),
            ("x-cartfunnel-hmac-sha256", "s"),
            ("x_cartfunnel_hmac_sha256", "s"),
            ("x-cartgate-verdict", "verified"),
            ("webhook-id", "1"),
            ("proxy-authorization", "x"),
            ("cookie", "a=b"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/admin"),
            ("user-agent", "Cartfunnel"),
        ];
        let left = ["content-type", "user-agent", "x-cartfunnel-hmac-sha256"];
        assert_eq!(filtered(&lines, false), left);
    }

    #[test]
    fn forwarding_headers_stay_only_from_trusted_hops() {
        let lines = [
            ("forwarded", "for=a"),
            ("x-forwarded-for", "a"),
            ("x-real-ip", "a"),
        ];
        assert!(filtered(&lines, false).is_empty());
        assert_eq!(filtered(&lines, true).len(), 3);
    }

    #[test]
    fn naming_the_signature_as_hop_by_hop_does_not_strip_it() {
        let lines = [
            ("connection", "x-cartfunnel-hmac-sha256"),
            ("x-cartfunnel-hmac-sha256", "s"),
        ];
        assert_eq!(filtered(&lines, false), ["x-cartfunnel-hmac-sha256"]);
    }

    #[test]
    fn an_endpoint_drops_more_but_nothing_that_is_promised() {
        let lines = [
            ("x-mine", "1"),
            ("user-agent", "a"),
            ("content-type", "a/b"),
            ("content-encoding", "gzip"),
            ("x-cartfunnel-hmac-sha256", "s"),
        ];
        let extra = lines.map(|(name, _)| HeaderName::from_static(name));
        let protected = [
            "content-encoding",
            "content-type",
            "x-cartfunnel-hmac-sha256",
        ];
        assert_eq!(filtered_with(&lines, &extra, false), protected);
    }

    #[test]
    fn a_trace_goes_whole_whoever_takes_its_parent() {
        const PARENT: (&str, &str) = (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
        let state = ("tracestate", "a=1");
        assert_eq!(filtered(&[PARENT, state], false).len(), 2);
        assert!(filtered(&[("connection", "traceparent"), PARENT, state], false).is_empty());
        assert!(filtered_with(&[PARENT, state], &[trace::TRACEPARENT], false).is_empty());
    }

    /// Names, whether an operator may set them, and whether they may drop them.
    #[rustfmt::skip]
    const CHANGES: [(&str, bool, bool); 38] = [
        ("authorization", true, true),
        ("user-agent", true, true),
        ("x-mine", true, true),
        ("x-cartfunnel-other", true, true),
        ("content-type", false, false),
        ("content-encoding", false, false),
        ("x-cartfunnel-hmac-sha256", false, false),
        ("connection", false, false),
        ("content-length", false, false),
        ("cookie", false, false),
        ("expect", false, false),
        ("host", false, false),
        ("http2-settings", false, false),
        ("keep-alive", false, false),
        ("te", false, false),
        ("trailer", false, false),
        ("transfer-encoding", false, false),
        ("upgrade", false, false),
        ("proxy-authorization", false, false),
        ("proxy-connection", false, false),
        ("webhook-id", false, false),
        ("webhook-signature", false, false),
        ("x-cartgate-verdict", false, false),
        ("x-cartgate-anything", false, false),
        ("x-http-method-override", false, false),
        ("x-original-url", false, false),
        ("x_mine", false, false),
        ("forwarded", false, true),
        ("x-forwarded-for", false, true),
        ("x-forwarded-anything", false, true),
        ("x-real-ip", false, true),
        ("cf-connecting-ip", false, true),
        ("x-envoy-external-address", false, true),
        ("remote-user", true, false),
        ("x-ms-client-principal-name", true, false),
        ("via", false, true),
        ("traceparent", false, true),
        ("tracestate", false, true),
    ];

    #[test]
    fn an_operator_changes_what_is_neither_promised_nor_the_gates() {
        let signature = tower_cartgate::Signature::HEADER;
        for (text, set, dropped) in CHANGES {
            let name = HeaderName::from_static(text);
            assert_eq!(header_may_be_set(&name, &signature), set, "{text}");
            assert_eq!(header_may_be_dropped(&name, &signature), dropped, "{text}");
        }
    }
}
