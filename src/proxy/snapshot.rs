//! The configuration in force, with the meters of its endpoints.

use std::{ops::Deref, sync::Arc};

use crate::{
    endpoint::{Endpoint, Target},
    inbox::routes::{Route, RoutedQueue, Routes},
    proxy::{config::Config, meters::endpoint::Meter},
};

/// One configuration with its meters. A request keeps its snapshot to its end.
#[derive(Debug)]
pub(crate) struct Snapshot {
    config: Arc<Config>,
    /// In the order of the endpoints.
    meters: Vec<Meter>,
}

impl Snapshot {
    /// Makes the first snapshot of a gate.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self::with_meters_of(&[], config)
    }

    /// Makes the snapshot of the next configuration. The endpoints of both keep counting; the
    /// meters of other endpoints end.
    pub(crate) fn followed_by(&self, config: Arc<Config>) -> Self {
        Self::with_meters_of(&self.meters, config)
    }

    fn with_meters_of(previous: &[Meter], config: Arc<Config>) -> Self {
        Self {
            meters: Meter::all(&config.endpoints, previous),
            config,
        }
    }

    /// Returns the meters of all endpoints.
    pub(crate) fn meters(&self) -> &[Meter] {
        &self.meters
    }

    /// Returns the meter of the endpoint at `index`.
    pub(crate) fn meter(&self, index: usize) -> &Meter {
        let meter = self.meters.get(index);
        meter.expect("an endpoint's index belongs to the snapshot that found it")
    }

    /// Returns the endpoint at `index`.
    pub(crate) fn endpoint(&self, index: usize) -> &Arc<Endpoint> {
        &self.meter(index).endpoint
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
        Target::Direct(_) | Target::Verdict => &[],
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
