//! The configuration in force, with the meters of its endpoints: one snapshot, which a request keeps
//! to its end.

use std::{collections::HashMap, ops::Deref, sync::Arc};

use crate::{config::Config, endpoint::Endpoint, metrics::Meter};

/// A configuration that is, or was, in force.
#[derive(Debug)]
pub(crate) struct InForce {
    config: Arc<Config>,
    meters: Vec<Meter>,
    /// Where the meter of each endpoint is, by the endpoint's address, which holds as long as the
    /// configuration does: every request asks, of a thousand endpoints too.
    places: HashMap<usize, usize>,
}

impl InForce {
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
        let meters = Meter::all(&config.endpoints, before);
        let places = meters.iter().enumerate();
        Self {
            places: places
                .map(|(place, meter)| (address(&meter.endpoint), place))
                .collect(),
            meters,
            config,
        }
    }

    /// The meters of all endpoints.
    pub(crate) fn meters(&self) -> &[Meter] {
        &self.meters
    }

    /// The meter of one of its endpoints.
    pub(crate) fn meter(&self, endpoint: &Arc<Endpoint>) -> Option<&Meter> {
        self.meters.get(*self.places.get(&address(endpoint))?)
    }
}

fn address(endpoint: &Arc<Endpoint>) -> usize {
    Arc::as_ptr(endpoint).addr()
}

impl Deref for InForce {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}
