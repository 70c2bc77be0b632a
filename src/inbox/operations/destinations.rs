//! The destinations that an operation knows.

use std::sync::Arc;

use tokio::sync::watch;

use crate::inbox::{queue::Queue, routes::Routes};

/// The configured destinations.
#[derive(Debug, Clone)]
pub(crate) enum Destinations {
    /// Only the store is known, so any destination may be configured.
    Unknown,
    /// Those that a configuration file names.
    Named(Arc<[Arc<str>]>),
    /// Those of the running gate, whose queues deliver.
    InForce(watch::Receiver<Arc<Routes>>),
}

impl Destinations {
    /// Returns the names, if they are known.
    pub(super) fn names(&self) -> Option<Vec<Arc<str>>> {
        match self {
            Self::Unknown => None,
            Self::Named(names) => Some(names.to_vec()),
            Self::InForce(routes) => {
                let name = |queue: &Queue| Arc::clone(&queue.destination.name);
                let routes = Arc::clone(&routes.borrow());
                Some(routes.queues().map(|routed| name(&routed.queue)).collect())
            }
        }
    }

    /// Returns whether a configured destination takes the deliveries of a queue.
    pub(super) fn serve(&self, queue: &str) -> bool {
        let names = self.names();
        !queue.is_empty() && names.is_none_or(|names| names.iter().any(|name| **name == *queue))
    }

    /// Wakes the queues of a running gate, because deliveries are due.
    pub(super) fn wake(&self) {
        if let Self::InForce(routes) = self {
            let routes = Arc::clone(&routes.borrow());
            let queues = routes.queues();
            queues.for_each(|routed| routed.queue.work.notify_one());
        }
    }
}
