//! The axum side: handlers demand the proof as an argument. Only the request's extensions are read, never its body, which
//! other layers may have changed.

use std::{fmt, sync::Arc};

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{Method, Request, Uri, request::Parts};

use crate::{ProblemJson, Rejection, RejectionKind, Verified};

/// Without a [`VerifyLayer`](crate::VerifyLayer) around the route it responds with 500 and logs what is missing.
///
/// `Option<Verified>` is no extractor on purpose: a handler that also runs unverified would be easy to write by mistake.
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
/// A genuine payload that does not fit `T` gets a 422, with [`RejectionKind::InvalidPayload`] in the response's extensions:
/// the merchant edited the payload, nobody forged it. The log names the place and the field.
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

/// The head of the request that an extractor refused, for the log and for the layer's observer.
#[derive(Clone)]
pub(crate) struct Head(Option<Arc<Parts>>);

impl Head {
    pub(crate) const UNKNOWN: Self = Self(None);
}

/// Its headers hold the signature, so nothing of it is shown.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Head")
    }
}

impl Rejection {
    fn with_head(mut self, head: &Parts) -> Self {
        self.head = Head(Some(Arc::new(head.clone())));
        self
    }
}

/// A rejection that a handler or an extractor made behind the layer. The layer takes it out of the response's extensions,
/// tells its observer, and lets its [`Respond`](crate::Respond) shape the response.
#[derive(Clone)]
pub(crate) struct Late {
    pub(crate) rejection: Rejection,
    head: Head,
}

impl Late {
    /// The head as the layer saw it: a router may have shortened the path on the way to the handler.
    pub(crate) fn head(&self, request_line: (Method, Uri)) -> Parts {
        let known = self.head.0.as_deref().cloned();
        let mut head = known.unwrap_or_else(|| Request::new(()).into_parts().0);
        (head.method, head.uri) = request_line;
        head
    }
}

/// As [`ProblemJson`] responds, with the rejection in the extensions.
///
/// A [`VerifyLayer`](crate::VerifyLayer) around the route replaces it with the response of its own
/// [`Respond`](crate::Respond). A payload that does not fit and a missing layer are logged here.
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

/// The kinds that arise behind the layer. The layer itself never rejects for them.
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
