//! Access to the admin listener.

use tower_cartgate::Secret;

/// The conditions that a request to the admin listener must meet.
#[derive(Debug, Clone, Default)]
pub struct AdminAccess {
    /// The bearer token for metrics and status. Without one, every client that connects may read
    /// them.
    pub token: Option<Secret>,
    /// Host names that a request may name, besides addresses and `localhost`.
    pub hosts: Vec<String>,
}
