//! The configuration in force, with the meters of its endpoints: one snapshot, which a request keeps
//! to its end.

use std::{ops::Deref, sync::Arc};

use crate::{
    endpoint::Target,
    inbox::routes::{Route, RoutedQueue, Routes},
    proxy::{config::Config, meters::endpoint::Meter},
};

/// A configuration that is, or was, in force.
#[derive(Debug)]
pub(crate) struct Snapshot {
    config: Arc<Config>,
    /// In the order of the endpoints.
    meters: Vec<Meter>,
}

impl Snapshot {
    /// The first one.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self::counted_on_from(&[], config)
    }

    /// One that follows, in which the same endpoints go on counting. What is not configured any more
    /// is not counted or shown any more either.
    pub(crate) fn followed_by(&self, config: Arc<Config>) -> Self {
        Self::counted_on_from(&self.meters, config)
    }

    fn counted_on_from(before: &[Meter], config: Arc<Config>) -> Self {
        Self {
            meters: Meter::all(&config.endpoints, before),
            config,
        }
    }

    /// The meters of all endpoints.
    pub(crate) fn meters(&self) -> &[Meter] {
        &self.meters
    }

    /// The meter of the endpoint at this place.
    pub(crate) fn meter(&self, place: usize) -> Option<&Meter> {
        self.meters.get(place)
    }

    /// Returns the routes of stored events, for the inbox to follow.
    pub(crate) fn routes(&self) -> Routes {
        self.meters.iter().map(route).collect()
    }
}

impl Deref for Snapshot {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}

fn route(meter: &Meter) -> Route {
    let endpoint = &meter.endpoint;
    let queues = match &endpoint.target {
        Target::Durable(durable) => &durable.queues[..],
        Target::Direct(_) => &[],
    };
    // A meter lists its destinations in the order of its endpoint's.
    let queues = queues.iter().zip(&meter.destinations);
    Route {
        endpoint: Arc::clone(&endpoint.name),
        headers: endpoint.headers.clone(),
        queues: queues
            .map(|(queue, meter)| RoutedQueue {
                queue: Arc::clone(queue),
                meter: Arc::clone(meter),
            })
            .collect(),
    }
}
