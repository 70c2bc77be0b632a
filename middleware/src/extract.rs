//! Extractors for axum, with which handlers require the proof as an argument.
//!
//! They read the request's extensions, never its body, which other layers may have changed.

use std::sync::Arc;

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{Method, Request, Uri, request::Parts};

use crate::{ProblemJson, Rejection, RejectionKind, Verified, head::Head};

/// Without a [`VerifyLayer`](crate::VerifyLayer) around the route, responds with 500 and logs that
/// the layer is missing.
///
/// `Option<Verified>` is deliberately not an extractor: a handler that also runs for unverified
/// requests would be too easy to write by mistake.
impl<S: Sync> FromRequestParts<S> for Verified {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Rejection::new(RejectionKind::MissingLayer).with_head(parts))
    }
}

/// The JSON of a verified delivery.
///
/// A genuine payload that does not fit `T` gets a 422, with [`RejectionKind::InvalidPayload`] in
/// the response's extensions: the merchant edited the payload. The log shows the position and the
/// field.
#[cfg(feature = "serde")]
#[derive(Debug, Clone, Copy)]
pub struct VerifiedJson<T>(pub T);

#[cfg(feature = "serde")]
impl<S, T> FromRequestParts<S> for VerifiedJson<T>
where
    S: Sync,
    T: serde_core::de::DeserializeOwned,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let verified = Verified::from_request_parts(parts, state).await?;
        verified
            .json()
            .map(Self)
            .map_err(|rejection| rejection.with_head(parts))
    }
}

#[cfg(feature = "serde")]
impl<T> std::ops::Deref for VerifiedJson<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(feature = "serde")]
impl<T> std::ops::DerefMut for VerifiedJson<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl Rejection {
    fn with_head(mut self, head: &Parts) -> Self {
        self.head = Head(Some(Arc::new(head.clone())));
        self
    }
}

/// A rejection by a handler or an extractor behind the layer. The layer takes it out of the
/// response's extensions, reports it to its observer, and replaces the response with that of its
/// [`Respond`](crate::Respond).
#[derive(Clone)]
pub(crate) struct Late {
    pub(crate) rejection: Rejection,
    head: Head,
}

impl Late {
    /// Returns the head with the request line that the layer received. A router may have shortened
    /// the path.
    pub(crate) fn head(&self, request_line: (Method, Uri)) -> Parts {
        let known = self.head.0.as_deref().cloned();
        let mut head = known.unwrap_or_else(|| Request::new(()).into_parts().0);
        (head.method, head.uri) = request_line;
        head
    }
}

/// Returns the response of [`ProblemJson`] with the rejection in its extensions.
///
/// A [`VerifyLayer`](crate::VerifyLayer) around the route replaces it with the response of its own
/// [`Respond`](crate::Respond). Logs an invalid payload and a missing layer.
impl IntoResponse for Rejection {
    fn into_response(mut self) -> Response {
        let head = std::mem::replace(&mut self.head, Head::UNKNOWN);
        log(&self, head.0.as_deref());
        let mut response = ProblemJson.response(&self, None).map(Body::from);
        let late = Late {
            rejection: self.clone(),
            head,
        };
        response.extensions_mut().insert(late);
        response.extensions_mut().insert(self);
        response
    }
}

/// Logs the kinds that only occur behind the layer.
fn log(rejection: &Rejection, head: Option<&Parts>) {
    let method = head.map(|head| tracing::field::display(&head.method));
    let path = head.map(|head| tracing::field::debug(head.uri.path()));
    match rejection.kind() {
        RejectionKind::MissingLayer => {
            tracing::error!(method, path, "{rejection}");
        }
        #[cfg(feature = "serde")]
        RejectionKind::InvalidPayload => {
            let error = std::error::Error::source(rejection)
                .and_then(|error| error.downcast_ref::<crate::PayloadError>());
            tracing::error!(
                method,
                path,
                kind = error.map(|error| error.kind().as_str()),
                pointer = error.map(crate::PayloadError::pointer),
                field = error.and_then(crate::PayloadError::field),
                line = error.map(crate::PayloadError::line),
                column = error.map(crate::PayloadError::column),
                "{rejection}"
            );
        }
        _ => {}
    }
}
