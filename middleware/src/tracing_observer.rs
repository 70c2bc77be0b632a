//! An observer that writes each verdict to the log of the server.

use std::error::Error;

use http::request::Parts;

use crate::{Fault, Observe, Rejection, RejectionKind, Verified};

/// Logs each verdict through [`tracing`](https://docs.rs/tracing).
///
/// A verified delivery is a line at DEBUG, a rejection one at WARN, and a rejection by the receiver's own fault one at
/// ERROR. The fields are `method`, `path`, `reason`, `status` and `cause`; no line holds a byte of a body or a signature.
/// Anyone who can reach the server can cause a line for each request: limit their rate in your subscriber if that matters.
///
/// ```
/// # use tower_cartgate::{Keyring, Policy, Secret, TracingObserver, VerifyLayer};
/// # let policy = Policy::new(Keyring::single(Secret::new("any")?));
/// let layer = VerifyLayer::new(policy).observe(TracingObserver);
/// # let _ = layer;
/// # Ok::<(), tower_cartgate::SecretError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingObserver;

impl Observe for TracingObserver {
    fn verified(&self, verified: &Verified, head: &Parts) {
        tracing::debug!(
            method = %head.method,
            path = ?head.uri.path(),
            secret = %verified.secret_name(),
            event = %verified.event().kind,
            bytes = verified.len(),
            "delivery verified"
        );
    }

    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        // The line is written where the rejection becomes a response: it knows more, and a missing layer has no observer.
        if let RejectionKind::InvalidPayload | RejectionKind::MissingLayer = rejection.kind() {
            return;
        }
        // The levels of `tracing` are constants of a line.
        macro_rules! rejected {
            ($level:ident) => {
                tracing::$level!(
                    method = %head.method,
                    path = ?head.uri.path(),
                    reason = %rejection.kind(),
                    status = rejection.status().as_u16(),
                    cause = rejection.source().map(tracing::field::display),
                    "delivery rejected"
                )
            };
        }
        match rejection.fault() {
            Fault::Sender => rejected!(warn),
            Fault::Receiver => rejected!(error),
        }
    }
}
