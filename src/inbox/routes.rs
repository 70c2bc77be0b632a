//! The routes of stored events: the queues of each endpoint in force. The server publishes them at
//! the start and at each reload; the dispatcher and the operators' jobs follow.

use std::sync::Arc;

use super::queue::Queue;
use crate::{delivery::header_changes::HeaderChanges, destination::meter::DestinationMeter};

/// The routes of all endpoints in force.
#[derive(Debug, Default)]
pub(crate) struct Routes(Vec<Route>);

/// The route of one endpoint.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) endpoint: Arc<str>,
    /// The header changes of its deliveries.
    pub(crate) headers: HeaderChanges,
    /// Its queues; empty for a direct endpoint.
    pub(crate) queues: Vec<RoutedQueue>,
}

/// A queue with the meter of its destination.
#[derive(Debug, Clone)]
pub(crate) struct RoutedQueue {
    pub(crate) queue: Arc<Queue>,
    pub(crate) meter: Arc<DestinationMeter>,
}

impl Routes {
    /// Returns the header changes of an endpoint, if it is still configured.
    pub(crate) fn headers(&self, endpoint: &str) -> Option<&HeaderChanges> {
        let route = self.0.iter().find(|route| *route.endpoint == *endpoint);
        route.map(|route| &route.headers)
    }

    /// Returns the queues of all endpoints.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &RoutedQueue> {
        self.0.iter().flat_map(|route| &route.queues)
    }
}

impl FromIterator<Route> for Routes {
    fn from_iter<I: IntoIterator<Item = Route>>(routes: I) -> Self {
        Self(routes.into_iter().collect())
    }
}
