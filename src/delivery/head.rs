//! The request line and the headers of a delivery.

use http::{HeaderMap, HeaderValue, Method, Uri};
use tower_cartgate::{EventSource, SecretName};

use crate::net::peer::Peer;

/// The part of a delivery beside its body that may reach a destination. The inbox stores it with the body.
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
