//! Rejections by handlers behind the layer: an invalid payload, or a proof that was lost on the way
//! to the handler. The layer finds them in the inner service's response and treats them like its
//! own.
//!
//! Only the axum extractors create them. Without that feature, the response stays unchanged.

use std::sync::Arc;

use http::{Response, request::Parts};

use super::shared::Shared;
use crate::{Observe, Policy, RejectionBody, Respond};

/// The parts that a late rejection needs while the inner service has the request.
#[cfg_attr(
    not(feature = "axum-core"),
    expect(dead_code, reason = "only the extractors create late rejections")
)]
pub(super) struct LateRejections<P, O, R> {
    shared: Arc<Shared<P, O, R>>,
    policy: Arc<Policy>,
    #[cfg(feature = "axum-core")]
    request_line: (http::Method, http::Uri),
}

impl<P, O: Observe, R: Respond> LateRejections<P, O, R> {
    pub(super) fn new(shared: Arc<Shared<P, O, R>>, policy: Arc<Policy>, head: &Parts) -> Self {
        #[cfg(not(feature = "axum-core"))]
        let _ = head;
        Self {
            shared,
            policy,
            #[cfg(feature = "axum-core")]
            request_line: (head.method.clone(), head.uri.clone()),
        }
    }

    /// Returns the response to a rejection that the inner service's response contains and that no
    /// layer has reported.
    #[cfg(feature = "axum-core")]
    pub(super) fn replace<B>(self, response: &mut Response<B>) -> Option<Response<RejectionBody>> {
        let late = response.extensions_mut().remove::<crate::extract::Late>()?;
        let head = late.head(self.request_line);
        Some(
            self.shared
                .reject(late.rejection, &head, Some(&self.policy)),
        )
    }

    #[cfg(not(feature = "axum-core"))]
    pub(super) fn replace<B>(self, _: &mut Response<B>) -> Option<Response<RejectionBody>> {
        None
    }
}
