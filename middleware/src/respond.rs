//! Responses to rejected requests, which contain the status and never the reason.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};

use crate::{Policy, Rejection, rejection::BoxError};

/// Creates the response to a rejected request.
///
/// A closure can implement it. With the feature `axum-core` it may return any `IntoResponse` of
/// axum, and without it a [`Response`] with any body; see [`RejectionResponse`]. The layer reads
/// that body to its end before it responds.
///
/// The layer adds the rejection to the response's extensions. The rejection's text and
/// [kind](Rejection::kind) are for the log: in a response they would only help attackers.
///
/// ```
/// # use http::{Response, StatusCode};
/// # use http_body_util::Full;
/// # use tower_cartgate::{Keyring, Policy, Rejection, Secret, VerifyLayer};
/// # let policy = Policy::new(Keyring::single(Secret::new("any")?));
/// let layer = VerifyLayer::new(policy).respond(|rejection: &Rejection, _: Option<&Policy>| {
///     let mut response = Response::new(Full::from("no\n"));
///     *response.status_mut() = rejection.status();
///     response
/// });
/// # let _ = layer;
/// # Ok::<(), tower_cartgate::SecretError>(())
/// ```
pub trait Respond {
    /// Returns the response. `policy` is `None` if no policy covers the request.
    fn respond(&self, rejection: &Rejection, policy: Option<&Policy>) -> Response<RejectionBody>;
}

impl<F, T> Respond for F
where
    F: Fn(&Rejection, Option<&Policy>) -> T,
    T: RejectionResponse,
{
    fn respond(&self, rejection: &Rejection, policy: Option<&Policy>) -> Response<RejectionBody> {
        self(rejection, policy).into_rejection_response()
    }
}

/// A response that a closure may return as a [`Respond`]: any `IntoResponse` of axum with the
/// feature `axum-core`, and a [`Response`] with any body of [`Bytes`] without it.
pub trait RejectionResponse {
    /// Converts the response for the layer.
    fn into_rejection_response(self) -> Response<RejectionBody>;
}

#[cfg(feature = "axum-core")]
impl<T: axum_core::response::IntoResponse> RejectionResponse for T {
    fn into_rejection_response(self) -> Response<RejectionBody> {
        self.into_response().map(RejectionBody::new)
    }
}

#[cfg(not(feature = "axum-core"))]
impl<B> RejectionResponse for Response<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn into_rejection_response(self) -> Response<RejectionBody> {
        self.map(RejectionBody::new)
    }
}

/// The body of the response to a rejected request.
pub struct RejectionBody(Kind);

enum Kind {
    Whole(Bytes),
    Stream {
        body: UnsyncBoxBody<Bytes, BoxError>,
        received: BytesMut,
    },
}

impl RejectionBody {
    /// Wraps any body. A body that fails ends with its last complete frame.
    pub fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Kind::Stream {
            body: body.map_err(Into::into).boxed_unsync(),
            received: BytesMut::new(),
        })
    }

    /// Polls for the bytes of the whole body. Must not be called again after it was ready.
    pub(crate) fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(std::mem::take(bytes)),
            Kind::Stream { body, received } => {
                while let Some(Ok(frame)) = ready!(Pin::new(&mut *body).poll_frame(context)) {
                    if let Ok(data) = frame.into_data() {
                        received.extend_from_slice(&data);
                    }
                }
                Poll::Ready(received.split().freeze())
            }
        }
    }
}

impl From<Bytes> for RejectionBody {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }
}

impl fmt::Debug for RejectionBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejectionBody").finish_non_exhaustive()
    }
}

/// The default: `application/problem+json` (RFC 9457) with the status and its title. All 401
/// responses are equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProblemJson;

impl Respond for ProblemJson {
    fn respond(&self, rejection: &Rejection, policy: Option<&Policy>) -> Response<RejectionBody> {
        self.response(rejection, policy).map(RejectionBody::from)
    }
}

impl ProblemJson {
    /// Returns the response with its bytes, for servers that respond without the layer.
    #[must_use]
    pub fn response(self, rejection: &Rejection, policy: Option<&Policy>) -> Response<Bytes> {
        let status = rejection.status();
        let mut response = Response::new(Bytes::from_static(body(status).as_bytes()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        match (status, policy) {
            // Required with its status (RFC 9110, sections 15.5.2 and 15.5.6).
            (StatusCode::UNAUTHORIZED, _) => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Cartfunnel-HMAC-SHA256"),
                );
            }
            (StatusCode::METHOD_NOT_ALLOWED, Some(policy)) => {
                headers.insert(header::ALLOW, policy.allow());
            }
            (StatusCode::SERVICE_UNAVAILABLE, _) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// Returns a constant body, so that a flood of forgeries allocates nothing here.
fn body(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => r#"{"title":"Bad Request","status":400}"#,
        401 => r#"{"title":"Unauthorized","status":401}"#,
        404 => r#"{"title":"Not Found","status":404}"#,
        405 => r#"{"title":"Method Not Allowed","status":405}"#,
        408 => r#"{"title":"Request Timeout","status":408}"#,
        413 => r#"{"title":"Content Too Large","status":413}"#,
        422 => r#"{"title":"Unprocessable Content","status":422}"#,
        503 => r#"{"title":"Service Unavailable","status":503}"#,
        _ => r#"{"title":"Internal Server Error","status":500}"#,
    }
}
