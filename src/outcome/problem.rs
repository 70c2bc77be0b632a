//! The answers that the gate makes itself: RFC 9457 problem details, marked by `Proxy-Status`
//! (RFC 9209). They say what the status says, and never why.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

use crate::outcome::reject_reason::RejectReason;

/// Marks an answer as the gate's own.
pub(crate) const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Carries the id of a request in the log.
pub(crate) const DELIVERY: HeaderName = HeaderName::from_static("x-cartgate-delivery");

/// The answer to a refused request.
pub(crate) fn problem(refusal: &RejectReason) -> Response<Bytes> {
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

/// Constants where the gate's own steps refuse, so that a flood of what they refuse allocates nothing here.
fn body(status: StatusCode) -> Bytes {
    Bytes::from_static(match status.as_u16() {
        400 => br#"{"title":"Bad Request","status":400}"#,
        404 => br#"{"title":"Not Found","status":404}"#,
        408 => br#"{"title":"Request Timeout","status":408}"#,
        414 => br#"{"title":"URI Too Long","status":414}"#,
        417 => br#"{"title":"Expectation Failed","status":417}"#,
        429 => br#"{"title":"Too Many Requests","status":429}"#,
        431 => br#"{"title":"Request Header Fields Too Large","status":431}"#,
        502 => br#"{"title":"Bad Gateway","status":502}"#,
        503 => br#"{"title":"Service Unavailable","status":503}"#,
        504 => br#"{"title":"Gateway Timeout","status":504}"#,
        code => {
            let title = status.canonical_reason().unwrap_or("Error");
            return format!(r#"{{"title":"{title}","status":{code}}}"#).into();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_says_what_its_status_says() {
        for code in 400..=599 {
            let status = StatusCode::from_u16(code).expect("a status");
            let title = status.canonical_reason().unwrap_or("Error");
            let expected = format!(r#"{{"title":"{title}","status":{code}}}"#);
            assert_eq!(body(status), expected);
        }
    }
}
