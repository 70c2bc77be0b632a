//! The limits of connections and memory.

/// The limits of a gate over all endpoints. The maximum length of a body belongs to its endpoint's
/// policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once.
    pub connections: usize,
    /// Bytes of memory that all bodies together may hold, beyond the small share of each
    /// connection.
    pub memory: u64,
    /// Bytes of a request's head, including the request line.
    pub header: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            memory: 256 * 1024 * 1024,
            header: 16 * 1024,
        }
    }
}
