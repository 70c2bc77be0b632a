//! The entrance of a gate for connections that no listener has accepted.

use crate::net::listener::Incoming;

/// Takes over connections as if a public listener had accepted them.
pub(crate) trait FrontDoor: Send + Sync {
    /// Assigns the connection to a worker, or rejects it if the gate is full.
    fn enter(&self, incoming: Incoming);
}
