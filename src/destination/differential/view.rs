//! The result of an exchange, as one client sees it.

use http::{HeaderMap, StatusCode};

/// The result of an exchange.
#[derive(Debug, Clone)]
pub(super) enum ClientView {
    /// The client waits for the rest of a head.
    NoHead,
    /// The bytes are not a response.
    Failed(String),
    /// The client has a head.
    Head(Box<SeenResponse>),
}

/// A response, as far as it arrived.
#[derive(Debug, Clone)]
pub(super) struct SeenResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) end: BodyEnd,
    /// Whether the connection can be used for another request, after all bytes have arrived.
    pub(super) is_reusable: bool,
    /// The fault that the client tolerated.
    pub(super) fault: Option<&'static str>,
    /// Whether the client dropped the body, because its end is ambiguous.
    pub(super) drops_body: bool,
}

/// The end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyEnd {
    Complete,
    /// More bytes have to arrive first.
    Waiting,
    /// The connection or the framing broke off.
    Broken,
}
