//! What the sender of a refused request is told: plainly what, never why.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{Policy, Rejection};

/// Makes the response to a refused request. A closure will do.
///
/// A layer adds the rejection to the response's extensions by itself. The rejection's text and
/// [kind](Rejection::kind) are for the log: a response that repeats them helps only those who forge.
pub trait Respond {
    /// The response. Without a policy there is none for the request, or it is not known here.
    fn respond(&self, rejection: &Rejection, policy: Option<&Policy>) -> Response<Bytes>;
}

impl<F: Fn(&Rejection, Option<&Policy>) -> Response<Bytes>> Respond for F {
    fn respond(&self, rejection: &Rejection, policy: Option<&Policy>) -> Response<Bytes> {
        self(rejection, policy)
    }
}

/// The default: `application/problem+json` (RFC 9457) with the status and its title, one and the same for each 401.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProblemJson;

impl Respond for ProblemJson {
    fn respond(&self, rejection: &Rejection, policy: Option<&Policy>) -> Response<Bytes> {
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

/// Constants, so that a flood of forgeries allocates nothing here.
const fn body(status: StatusCode) -> &'static str {
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
