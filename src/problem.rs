//! The answers that the gate makes itself: RFC 9457 problem details, marked by `Proxy-Status`
//! (RFC 9209). They say what the status says, and never why.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

use crate::refusal::Refusal;

/// Marks an answer as the gate's own.
pub(crate) const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Carries the id of a request in the log.
pub(crate) const DELIVERY: HeaderName = HeaderName::from_static("x-cartgate-delivery");

/// The answer to a refused request.
pub(crate) fn problem(refusal: &Refusal) -> Response<Bytes> {
    let status = refusal.status();
    let mut response = Response::new(body(status));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// `Proxy-Status` of an answer that the gate made.
pub(crate) fn proxy_status(refusal: &Refusal) -> HeaderValue {
    let text = format!("cartgate; error={}", refusal.proxy_error());
    HeaderValue::from_str(&text).expect("an error type is a token")
}

fn body(status: StatusCode) -> Bytes {
    let title = status.canonical_reason().unwrap_or("Error");
    let code = status.as_u16();
    format!(r#"{{"title":"{title}","status":{code}}}"#).into()
}
