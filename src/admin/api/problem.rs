//! Errors of the API, as `application/problem+json` (RFC 9457).

use std::fmt::Display;

use axum::{
    body::to_bytes,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde::{Deserialize, Serialize};

/// The media type of errors.
pub(crate) const PROBLEM: &str = "application/problem+json";

/// The limit of the text in a rejection by axum.
const MAX_DETAIL: usize = 16 * 1024;

/// An error of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    reason: &'static str,
    detail: String,
}

/// An error as a response contains it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Problem {
    pub(crate) title: String,
    pub(crate) status: u16,
    pub(crate) detail: String,
    /// A word for programs.
    pub(crate) reason: String,
}

impl ApiError {
    /// Returns an error. `reason` is a word for programs, `detail` a sentence for people.
    pub(crate) fn new(status: StatusCode, reason: &'static str, detail: impl Display) -> Self {
        Self {
            status,
            reason,
            detail: detail.to_string(),
        }
    }

    /// Returns the error of a request that makes no sense.
    pub(crate) fn bad_request(reason: &'static str, detail: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason, detail)
    }

    /// Returns the error of a request without an operator.
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "send the token as `Authorization: Bearer …`, or open a link from `cartgate console`",
        )
    }

    /// Returns the error of an object that does not exist.
    pub(crate) fn not_found(detail: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// Returns the error of a path without a resource.
    pub(crate) fn unknown_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown-path",
            "there is nothing at this path",
        )
    }

    /// Returns the error of a method that a resource does not have. The header `Allow` lists the
    /// others.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "the resource does not have this method",
        )
    }

    /// Returns the error of a request that the state of its object forbids.
    pub(crate) fn conflict(reason: &'static str, detail: impl Display) -> Self {
        Self::new(StatusCode::CONFLICT, reason, detail)
    }

    /// Returns the error of a request that the gate cannot handle now.
    pub(crate) fn unavailable(reason: &'static str, detail: impl Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, detail)
    }

    /// Returns the error of a fault in the gate.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the gate failed to make the response",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = Problem {
            title: title(self.status).to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            reason: self.reason.to_owned(),
        };
        let json = serde_json::to_string(&problem).unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, PROBLEM)], json).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let headers = response.headers_mut();
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

/// Turns the plain text of axum's own rejections into the error of the API.
pub(in crate::admin) async fn describe(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || !is_plain(response.headers()) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let text = to_bytes(body, MAX_DETAIL).await.unwrap_or_default();
    let detail = String::from_utf8_lossy(&text);
    let error = ApiError::new(status, reason(status), detail);
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(CONTENT_TYPE);
    let mut response = error.into_response();
    response.headers_mut().extend(head.headers);
    response
}

fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

/// Returns the word for a rejection by axum.
fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "unknown-path",
        StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "body-too-large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "not-json",
        _ => "bad-request",
    }
}
