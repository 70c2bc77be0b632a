//! Counts the messages to each receiver of alarms.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::telemetry::count::{Count, Streak};

/// The meter of one receiver.
#[derive(Debug, Default)]
pub(crate) struct AlarmMeter {
    /// Messages that it accepted.
    pub(crate) sent: Count,
    /// Attempts that failed.
    pub(crate) failed: Count,
    /// Messages that were given up.
    pub(crate) dropped: Count,
    /// Attempts that failed since the last one that succeeded.
    pub(crate) failing: Streak,
}

/// The meters of all configured receivers. They continue over reloads.
#[derive(Debug, Default)]
pub(crate) struct AlarmMeters(Mutex<BTreeMap<String, Arc<AlarmMeter>>>);

impl AlarmMeters {
    /// Returns the meter of a receiver.
    pub(super) fn of(&self, name: &str) -> Arc<AlarmMeter> {
        self.with(|all| Arc::clone(all.entry(name.to_owned()).or_default()))
    }

    /// Ends the meters of all other receivers.
    pub(super) fn retain(&self, is_configured: impl Fn(&str) -> bool) {
        self.with(|all| all.retain(|name, _| is_configured(name)));
    }

    /// Returns all meters with the names of their receivers.
    pub(crate) fn all(&self) -> Vec<(String, Arc<AlarmMeter>)> {
        self.with(|all| all.clone().into_iter().collect())
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Arc<AlarmMeter>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
