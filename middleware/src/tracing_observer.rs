//! An observer that logs each verdict.

use std::error::Error;

use http::request::Parts;

use crate::{Fault, Observe, Rejection, RejectionKind, Verified};

/// Logs each verdict through [`tracing`](https://docs.rs/tracing).
///
/// Writes a verified delivery at DEBUG, a rejection at WARN, and a rejection that is the receiver's
/// fault at ERROR. The fields are `method`, `path`, `reason`, `status` and `cause`. No line
/// contains a byte of a body or a signature. Any client can cause a line for each request; limit
/// the rate in your subscriber if necessary.
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
        // `Rejection::into_response` logs these with more detail; a missing layer also has no
        // observer.
        if let RejectionKind::InvalidPayload | RejectionKind::MissingLayer = rejection.kind() {
            return;
        }
        // The level of a `tracing` macro is a constant.
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
