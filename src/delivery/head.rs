//! The request line and the headers of a delivery.

use std::mem::take;

use http::{HeaderValue, Method, Uri, header::HOST, request::Parts};
use tower_cartgate::{EventSource, SecretName, Verified};

use super::{header_changes::EndpointHeaders, kept_headers::KeptHeaders, origin::Origin};
use crate::net::{forwarded::ForwardedHeaders, peer::Peer};

/// The part of a delivery beside its body that may reach a destination. The inbox stores it with
/// the body.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    pub(crate) headers: KeptHeaders,
    /// The part of the request that states the event kind.
    pub(crate) source: EventSource,
    pub(crate) secret: SecretName,
    /// The scheme that the client used.
    pub(crate) scheme: &'static str,
    /// The `Host` that the client named.
    pub(crate) host: Option<HeaderValue>,
    pub(crate) peer: Peer,
    pub(crate) peer_is_trusted: bool,
    /// Whether the request was rejected when it arrived.
    pub(crate) late: bool,
}

impl Head {
    /// Filters the head of a verified request, and takes it away.
    pub(crate) fn new(
        verified: &Verified,
        parts: &mut Parts,
        origin: &Origin,
        headers: EndpointHeaders<'_>,
    ) -> Self {
        let host = parts.headers.get(HOST).cloned();
        Self {
            method: take(&mut parts.method),
            target: take(&mut parts.uri),
            headers: KeptHeaders::of_request(take(&mut parts.headers), headers, origin.trusted),
            source: verified.event().source,
            secret: verified.secret_name().clone(),
            scheme: origin.scheme,
            host,
            peer: origin.peer,
            peer_is_trusted: origin.trusted,
            late: origin.late,
        }
    }

    /// Returns the description of the client by the peer, if the peer is a trusted hop.
    pub(crate) fn forwarded(&self) -> ForwardedHeaders<'_> {
        if self.peer_is_trusted {
            self.headers.forwarded(&self.peer)
        } else {
            ForwardedHeaders::default()
        }
    }
}
