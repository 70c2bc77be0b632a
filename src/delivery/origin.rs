//! The request that a delivery comes from.

use uuid::Uuid;

use crate::net::peer::Peer;

/// The origin of a delivery: its request and the client's connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The id of the request.
    pub(crate) id: Uuid,
    /// The client, or the proxy in front of the gate.
    pub(crate) peer: Peer,
    /// The scheme that the client used.
    pub(crate) scheme: &'static str,
    /// Whether the peer is a trusted proxy.
    pub(crate) trusted: bool,
    /// Whether the request was rejected when it arrived, and verifies only now.
    pub(crate) late: bool,
}
