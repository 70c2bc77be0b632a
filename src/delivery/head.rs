//! The request line and the headers of a delivery.

use http::{HeaderMap, HeaderValue, Method, Uri, header::HOST, request::Parts};
use tower_cartgate::{EventSource, SecretName, Verified};

use super::{header_changes::EndpointHeaders, header_filter::filter_request, origin::Origin};
use crate::net::peer::Peer;

/// The part of a delivery beside its body that may reach a destination. The inbox stores it with
/// the body.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    /// Filtered: only headers that may reach a destination.
    pub(crate) headers: HeaderMap,
    /// The part of the request that states the event kind.
    pub(crate) source: EventSource,
    pub(crate) secret: SecretName,
    /// The scheme that the client used.
    pub(crate) scheme: &'static str,
    /// The `Host` that the client named.
    pub(crate) host: Option<HeaderValue>,
    pub(crate) peer: Peer,
    pub(crate) peer_is_trusted: bool,
}

impl Head {
    /// Filters the head of a verified request.
    pub(crate) fn new(
        verified: &Verified,
        mut parts: Parts,
        origin: &Origin,
        headers: EndpointHeaders<'_>,
    ) -> Self {
        let host = parts.headers.get(HOST).cloned();
        filter_request(
            &mut parts.headers,
            headers.signature,
            &headers.changes.drop,
            origin.trusted,
        );
        Self {
            method: parts.method,
            target: parts.uri,
            headers: parts.headers,
            source: verified.event().source,
            secret: verified.secret_name().clone(),
            scheme: origin.scheme,
            host,
            peer: origin.peer,
            peer_is_trusted: origin.trusted,
        }
    }
}
