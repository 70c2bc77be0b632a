//! The timeouts of each step of a request.

use std::time::Duration;

/// The timeouts of a gate. Each begins at its own moment, so no step uses the time of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// The TLS handshake, from the beginning of the connection.
    pub handshake: Duration,
    /// The head of a request, from its first byte to its last.
    pub header: Duration,
    /// An idle connection. The default is above the 60 s of nginx and cloud load balancers, so that
    /// they close first and no request arrives at a closing gate.
    pub keep_alive: Duration,
    /// The body of a request, from the end of its head to its last byte.
    pub body: Duration,
    /// The time before the minimum rate of a body applies.
    pub body_grace: Duration,
    /// The minimum rate of a body in bytes per second, on average since its head.
    pub body_rate: u64,
    /// A response of which the client takes no byte.
    pub write: Duration,
    /// The time after `SIGTERM` in which the gate accepts requests but reports that it is not
    /// ready.
    pub drain_delay: Duration,
    /// The time after that in which open requests may end.
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
