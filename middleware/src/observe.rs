//! The hook with which a server counts and logs verdicts.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;

use crate::{Rejection, Verified};

/// Observes each verdict before the inner service is called or the rejection is sent.
///
/// Observers run in the path of the request, so slow work belongs elsewhere. Use
/// [`TracingObserver`](crate::TracingObserver) to log verdicts, a closure over each verdict, or a
/// type that implements this trait. A pair of observers is an observer, and `()` observes nothing.
///
/// ```
/// # use http::request::Parts;
/// # use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// # use tower_cartgate::{Keyring, Policy, Rejection, Secret, Verified, VerifyLayer};
/// # let policy = Policy::new(Keyring::single(Secret::new("any")?));
/// let rejected = Arc::new(AtomicU64::new(0));
/// let count = Arc::clone(&rejected);
/// let layer = VerifyLayer::new(policy).observe(
///     move |verdict: Result<&Verified, &Rejection>, _: &Parts| {
///         if verdict.is_err() {
///             count.fetch_add(1, Ordering::Relaxed);
///         }
///     },
/// );
/// # let _ = layer;
/// # Ok::<(), tower_cartgate::SecretError>(())
/// ```
pub trait Observe {
    /// Called for a genuine request.
    fn verified(&self, verified: &Verified, head: &Parts) {
        let _ = (verified, head);
    }

    /// Called for a body whose well-formed signature matches no secret, before
    /// [`rejected`](Self::rejected).
    ///
    /// Treat the bytes as an attacker's. They allow a server to diagnose a sender's mistake.
    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        let _ = (head, forged);
    }

    /// Called for a rejected request.
    ///
    /// Can follow [`verified`](Self::verified): with axum, a genuine payload may not fit the type
    /// of the handler ([`InvalidPayload`](crate::RejectionKind::InvalidPayload)).
    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        let _ = (rejection, head);
    }
}

impl Observe for () {}

impl<F: Fn(Result<&Verified, &Rejection>, &Parts)> Observe for F {
    fn verified(&self, verified: &Verified, head: &Parts) {
        self(Ok(verified), head);
    }

    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        self(Err(rejection), head);
    }
}

/// Calls both observers in their order.
impl<A: Observe, B: Observe> Observe for (A, B) {
    fn verified(&self, verified: &Verified, head: &Parts) {
        self.0.verified(verified, head);
        self.1.verified(verified, head);
    }

    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        self.0.mismatched(head, forged);
        self.1.mismatched(head, forged);
    }

    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        self.0.rejected(rejection, head);
        self.1.rejected(rejection, head);
    }
}

impl<O: Observe + ?Sized> Observe for Arc<O> {
    fn verified(&self, verified: &Verified, head: &Parts) {
        (**self).verified(verified, head);
    }

    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        (**self).mismatched(head, forged);
    }

    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        (**self).rejected(rejection, head);
    }
}
