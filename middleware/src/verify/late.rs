//! Rejections that arise behind the layer: a handler's type does not fit a genuine payload, or the proof was lost on the
//! way to the handler. The layer finds them in the inner service's response and treats them like its own.
//!
//! Only the axum extractors make them. Without that feature the inner service's response stays as it is.

use std::sync::Arc;

use http::{Response, request::Parts};

use super::Bench;
use crate::{Observe, Policy, RejectionBody, Respond};

/// Remembers what a late rejection needs while the inner service has the request.
#[cfg_attr(
    not(feature = "axum-core"),
    expect(dead_code, reason = "the extractors alone make late rejections")
)]
pub(super) struct Witness<P, O, R> {
    bench: Arc<Bench<P, O, R>>,
    policy: Arc<Policy>,
    #[cfg(feature = "axum-core")]
    request_line: (http::Method, http::Uri),
}

impl<P, O: Observe, R: Respond> Witness<P, O, R> {
    pub(super) fn new(bench: Arc<Bench<P, O, R>>, policy: Arc<Policy>, head: &Parts) -> Self {
        #[cfg(not(feature = "axum-core"))]
        let _ = head;
        Self {
            bench,
            policy,
            #[cfg(feature = "axum-core")]
            request_line: (head.method.clone(), head.uri.clone()),
        }
    }

    /// Returns the response to a rejection that the inner service's response carries and that no layer has reported.
    #[cfg(feature = "axum-core")]
    pub(super) fn late<B>(self, response: &mut Response<B>) -> Option<Response<RejectionBody>> {
        let late = response.extensions_mut().remove::<crate::extract::Late>()?;
        let head = late.head(self.request_line);
        Some(self.bench.refuse(late.rejection, &head, Some(&self.policy)))
    }

    #[cfg(not(feature = "axum-core"))]
    pub(super) fn late<B>(self, _: &mut Response<B>) -> Option<Response<RejectionBody>> {
        None
    }
}
