//! One destination of a durable endpoint and how events wait for it.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tower_cartgate::EventKind;

use super::Schedule;
use crate::destination::Destination;

/// A destination with its queue. Its name is the queue's, and no other durable destination's.
#[derive(Debug)]
pub struct Queue {
    /// Where its events go.
    pub destination: Arc<Destination>,
    /// The kinds that it wants; all, if none is named.
    pub kinds: Vec<EventKind>,
    /// The waits between attempts.
    pub schedule: Schedule,
    /// Attempts at once.
    pub concurrency: usize,
    /// How long one attempt may take, from connecting to the end of the answer.
    pub timeout: Duration,
    /// Told when there is new work.
    pub(crate) work: Notify,
}

impl Queue {
    /// Attempts at once, where nothing else is set.
    pub const CONCURRENCY: usize = 8;

    /// How long an attempt may take, where nothing else is set.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// A queue for every kind, with every value at its default.
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

    /// Whether it wants events of this kind.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}
