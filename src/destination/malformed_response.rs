//! The error for bytes that are not an HTTP/1.1 response.

/// The reason why the bytes are not an HTTP/1.1 response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MalformedResponse(pub(super) &'static str);
