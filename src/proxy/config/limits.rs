//! What clients may take: connections and memory.

/// The limits of a gate over all endpoints. (How large one body may be is its endpoint's policy.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once.
    pub connections: usize,
    /// Bytes of memory that bodies hold together, beyond the small share that each connection
    /// brings along.
    pub memory: u64,
    /// Bytes of a request's head, request line included.
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
