//! How long each step of a delivery may last.

use std::time::Duration;

/// The time limits of a gate. Each begins at its own moment, so that no step lends time to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// A TLS handshake, from the connection's first moment.
    pub handshake: Duration,
    /// A request's head, from its first byte to its last.
    pub header: Duration,
    /// A connection without a request under way. Above the 60 s after which nginx and cloud load
    /// balancers let go, so that it is they who close and no request meets a closing gate.
    pub keep_alive: Duration,
    /// A body, from its head to its last byte.
    pub body: Duration,
    /// How long a body may arrive slower than the least rate before that counts.
    pub body_grace: Duration,
    /// The least rate of a body in bytes a second, on average since its head, after the grace.
    pub body_rate: u64,
    /// An answer being written, without one byte taken by the client.
    pub write: Duration,
    /// After `SIGTERM`: how long requests are still taken while the gate says it is not ready.
    pub drain_delay: Duration,
    /// After that: how long requests that are under way may take to end.
    pub drain_limit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            body: Duration::from_secs(30),
            body_grace: Duration::from_secs(5),
            body_rate: 1024,
            write: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            drain_limit: Duration::from_secs(30),
        }
    }
}
