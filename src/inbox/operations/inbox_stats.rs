//! The content and the limits of an inbox.

use serde::{Deserialize, Serialize};

use super::time;
use crate::{inbox::store::QueueStats, runtime::clock::Millis};

/// The content and the limits of an inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InboxStats {
    pub(crate) events: u64,
    pub(crate) max_events: u64,
    pub(crate) bytes: u64,
    pub(crate) max_bytes: u64,
    /// Bytes of the write-ahead log, in an engine that has one.
    pub(crate) wal_bytes: Option<u64>,
    /// The reason why the store acknowledges nothing.
    #[serde(rename = "trouble")]
    pub(crate) outage: Option<String>,
    pub(crate) destinations: Vec<QueueDetails>,
}

/// The queue of one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueDetails {
    /// Absent for events that no destination subscribes to.
    pub(crate) destination: Option<String>,
    /// Whether the destination is configured, as far as that is known.
    pub(crate) configured: bool,
    pub(crate) pending: u64,
    pub(crate) dead: u64,
    pub(crate) quarantined: u64,
    /// When the oldest pending event was received.
    #[serde(with = "time::optional")]
    pub(crate) oldest: Option<Millis>,
}

impl QueueDetails {
    pub(super) fn new(queue: QueueStats, configured: bool) -> Self {
        Self {
            destination: Some(queue.queue).filter(|name| !name.is_empty()),
            configured,
            pending: queue.pending,
            dead: queue.dead,
            quarantined: queue.quarantined,
            oldest: queue.oldest,
        }
    }
}
