//! The gate's own responses: RFC 9457 problem details, marked by `Proxy-Status` (RFC 9209). They
//! repeat the status and never contain the reason.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

use crate::outcome::reject_reason::RejectReason;

/// The header that marks the gate's own responses.
pub(crate) const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The header with the id of the request in the log.
pub(crate) const DELIVERY: HeaderName = HeaderName::from_static("x-cartgate-delivery");

/// Returns the response to a rejected request.
pub(crate) fn problem(reason: &RejectReason) -> Response<Bytes> {
    let status = reason.status();
    let mut response = Response::new(body(status));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(seconds) = reason.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Returns the body. It is constant for the statuses with which the gate itself rejects, so that a
/// flood of such requests allocates nothing here.
fn body(status: StatusCode) -> Bytes {
    Bytes::from_static(match status.as_u16() {
        400 => br#"{"title":"Bad Request","status":400}"#,
        404 => br#"{"title":"Not Found","status":404}"#,
        408 => br#"{"title":"Request Timeout","status":408}"#,
        413 => br#"{"title":"Content Too Large","status":413}"#,
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
            // RFC 9110 has renamed it; the layer has the new name, too.
            let renamed = (code == 413).then_some("Content Too Large");
            let title = renamed.or(status.canonical_reason()).unwrap_or("Error");
            let expected = format!(r#"{{"title":"{title}","status":{code}}}"#);
            assert_eq!(body(status), expected);
        }
    }
}
