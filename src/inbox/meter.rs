//! The meter of an inbox, with a reading of its store's statistics.
//!
//! A reading costs the store a query. It is therefore taken every few seconds at most, however
//! often it is requested. The arrivals of each endpoint have a meter of their own
//! ([`IntakeMeter`]).
//!
//! [`IntakeMeter`]: crate::inbox::intake_meter::IntakeMeter

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::store::{Stats, Store, StoreError, StoreMeter};

/// The age up to which a reading is shown again.
const FRESH: Duration = Duration::from_secs(5);

/// The time within which a store must return its statistics.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The counters of an inbox, and its last reading.
#[derive(Debug)]
pub(crate) struct InboxMeter {
    pub(crate) store: Arc<StoreMeter>,
    reading: Mutex<Arc<Reading>>,
    /// The time of the last reading. The lock is held during a reading, so that only one runs.
    read_at: tokio::sync::Mutex<Option<Instant>>,
}

/// The state of an inbox at one time.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// The statistics, unless the store did not return them.
    pub(crate) stats: Option<Stats>,
    /// The reason why the store acknowledges nothing, or returned no statistics.
    pub(crate) outage: Option<StoreError>,
}

impl InboxMeter {
    /// Makes a meter with the counters that a store fills.
    pub(crate) fn new(store: Arc<StoreMeter>) -> Self {
        Self {
            store,
            reading: Mutex::default(),
            read_at: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the last reading.
    pub(crate) fn reading(&self) -> Arc<Reading> {
        let reading = self.reading.lock();
        Arc::clone(&reading.unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a new reading if the last one is no longer fresh.
    pub(crate) async fn refresh(&self, store: &dyn Store) {
        let mut read_at = self.read_at.lock().await;
        if read_at.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        let stats = timeout(TIMEOUT, store.stats()).await;
        let stats = stats.unwrap_or_else(|_| {
            let late = "it did not return its statistics in time";
            Err(StoreError::Unavailable(late.to_owned()))
        });
        let (stats, error) = match stats {
            Ok(stats) => (Some(stats), None),
            Err(error) => (None, Some(error)),
        };
        let outage = store.outage().or(error);
        let reading = Arc::new(Reading { stats, outage });
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
        *read_at = Some(Instant::now());
    }
}
