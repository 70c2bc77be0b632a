//! Numbers that describe how much a store holds.

use crate::runtime::clock::Millis;

/// How much a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// Bytes of the write-ahead log, in an engine that has one.
    pub(crate) wal: Option<u64>,
    pub(crate) queues: Vec<QueueStats>,
}

/// How much waits for one destination. The queue without a name holds events that no destination
/// subscribes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct QueueStats {
    pub(crate) queue: String,
    pub(crate) pending: u64,
    pub(crate) dead: u64,
    pub(crate) quarantined: u64,
    /// When the oldest pending event was received.
    pub(crate) oldest: Option<Millis>,
}
