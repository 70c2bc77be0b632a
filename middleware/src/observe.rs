//! The hook by which a server counts and logs verdicts. Which metrics library it uses is its own affair.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;

use crate::{Rejection, Verified};

/// Hears each verdict, before the inner service is called or the rejection is sent.
///
/// It runs on the way of the request: count, and hand on slower work. Use
/// [`TracingObserver`](crate::TracingObserver) to log verdicts, a closure over each verdict, or a type that implements this
/// trait; a pair of observers is one, and `()` observes nothing.
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
    /// The request is genuine.
    fn verified(&self, verified: &Verified, head: &Parts) {
        let _ = (verified, head);
    }

    /// A well-formed signature that no secret makes over this body. [`rejected`](Self::rejected) follows.
    ///
    /// The bytes are as good as an attacker's: they are shown so that a server can find out what a sender does wrong.
    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        let _ = (head, forged);
    }

    /// The request is rejected.
    ///
    /// It can follow [`verified`](Self::verified): with axum, a handler's type may not fit a genuine payload
    /// ([`InvalidPayload`](crate::RejectionKind::InvalidPayload)).
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

/// Both hear each verdict, the first one first.
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
