//! The configuration of one queue.

use std::sync::Arc;

use crate::{
    delivery::header_changes::HeaderChanges,
    destination::meter::DestinationMeter,
    inbox::{
        queue::Queue,
        routes::{RoutedQueue, Routes},
    },
};

/// A queue as the routes in force define it.
#[derive(Debug)]
pub(super) struct QueueConfig {
    pub(super) queue: Arc<Queue>,
    pub(super) meter: Arc<DestinationMeter>,
    routes: Arc<Routes>,
}

impl QueueConfig {
    /// Returns the configurations of all queues.
    pub(super) fn all(routes: &Arc<Routes>) -> Vec<Arc<Self>> {
        let queues = routes.queues().cloned();
        let configs = queues.map(|RoutedQueue { queue, meter }| {
            Arc::new(Self {
                queue,
                meter,
                routes: Arc::clone(routes),
            })
        });
        configs.collect()
    }

    /// Returns the header changes of an event's endpoint, if it is still configured.
    pub(super) fn headers(&self, endpoint: &str) -> Option<&HeaderChanges> {
        self.routes.headers(endpoint)
    }
}
