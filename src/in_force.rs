//! The configuration in force, with the meters of its endpoints: one snapshot, which a request keeps
//! to its end.

use std::{ops::Deref, sync::Arc};

use crate::{config::Config, endpoint::Endpoint, metrics::Meter};

/// A configuration that is, or was, in force.
#[derive(Debug)]
pub(crate) struct InForce {
    config: Arc<Config>,
    meters: Vec<Meter>,
}

impl InForce {
    /// The first one.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            meters: Meter::all(&config.endpoints, &[]),
            config,
        }
    }

    /// One that follows, in which the same endpoints go on counting. What is not configured any more
    /// is not counted or shown any more either.
    pub(crate) fn followed_by(&self, config: Arc<Config>) -> Self {
        Self {
            meters: Meter::all(&config.endpoints, &self.meters),
            config,
        }
    }

    /// The meters of all endpoints.
    pub(crate) fn meters(&self) -> &[Meter] {
        &self.meters
    }

    /// The meter of one of its endpoints.
    pub(crate) fn meter(&self, endpoint: &Arc<Endpoint>) -> Option<&Meter> {
        self.meters
            .iter()
            .find(|meter| Arc::ptr_eq(&meter.endpoint, endpoint))
    }
}

impl Deref for InForce {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}
