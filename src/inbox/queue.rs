//! The queue of one destination.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tower_cartgate::EventKind;

use super::schedule::Schedule;
use crate::destination::Destination;

/// A durable destination and the settings of its queue. The queue has the name of the destination,
/// which no other durable destination has.
#[derive(Debug)]
pub struct Queue {
    /// The destination of its events.
    pub destination: Arc<Destination>,
    /// The event kinds to which it subscribes; empty for all kinds.
    pub kinds: Vec<EventKind>,
    /// The waits between attempts.
    pub schedule: Schedule,
    /// The limit of attempts at once.
    pub concurrency: usize,
    /// The timeout of an attempt, from connecting to the end of the response.
    pub timeout: Duration,
    /// Notified of new work.
    pub(crate) work: Notify,
}

impl Queue {
    /// The default limit of attempts at once.
    pub const CONCURRENCY: usize = 8;

    /// The default timeout of an attempt.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// Makes a queue for all kinds, with default settings.
    #[must_use]
    pub fn new(destination: Arc<Destination>) -> Self {
        Self {
            destination,
            kinds: Vec::new(),
            schedule: Schedule::default(),
            concurrency: Self::CONCURRENCY,
            timeout: Self::TIMEOUT,
            work: Notify::new(),
        }
    }

    /// Returns whether the destination subscribes to events of this kind.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}
