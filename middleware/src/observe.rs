//! The hook by which a server counts verdicts. Which metrics library it uses is its own affair.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;

use crate::{Rejection, Verified};

/// Is told each verdict, before the inner service is called or the refusal is answered.
///
/// It runs on the way of the request: count, and hand on what takes longer. `()` observes nothing.
///
/// ```
/// # use tower_cartgate::{Observe, Rejection};
/// # use std::sync::atomic::{AtomicU64, Ordering};
/// #[derive(Default)]
/// struct Refused(AtomicU64);
///
/// impl Observe for Refused {
///     fn rejected(&self, rejection: &Rejection, _: &http::request::Parts) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
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

    /// The request is refused.
    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        let _ = (rejection, head);
    }
}

impl Observe for () {}

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
