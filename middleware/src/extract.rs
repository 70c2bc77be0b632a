//! The axum side: handlers demand the proof as an argument. Only the request's extensions are read, never its body, which
//! other layers may have changed.

use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;

use crate::{ProblemJson, Rejection, RejectionKind, Respond, Verified};

/// Without a [`VerifyLayer`](crate::VerifyLayer) around the route it answers 500 and logs what is missing.
///
/// `Option<Verified>` is no extractor on purpose: a handler that also runs unverified would be easy to write by mistake.
impl<S: Sync> FromRequestParts<S> for Verified {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| unprotected(parts))
    }
}

fn unprotected(parts: &Parts) -> Rejection {
    let rejection = Rejection::new(RejectionKind::MissingLayer);
    tracing::error!(method = %parts.method, path = ?parts.uri.path(), "{rejection}");
    rejection
}

/// The JSON of a verified delivery.
///
/// What is genuine but does not fit `T` is answered 422, with [`RejectionKind::InvalidPayload`] in the response's extensions: the merchant
/// edited the payload, nobody forged it.
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
        verified.json().map(Self)
    }
}

/// As [`ProblemJson`] answers, with the rejection in the extensions.
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let mut response = ProblemJson.respond(&self, None).map(Body::from);
        response.extensions_mut().insert(self);
        response
    }
}
