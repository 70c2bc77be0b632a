//! Measures the attempts at one destination.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;

use crate::{
    outcome::reject_reason::AttemptFailure,
    telemetry::{
        count::{Count, now},
        histogram::Histogram,
        tally::Tally,
    },
};

/// The metric's label for a 2xx.
pub(crate) const TAKEN: &str = "2xx";

/// Counts and times the attempts at one destination.
#[derive(Debug)]
pub(crate) struct DestinationMeter {
    pub(crate) name: Arc<str>,
    pub(crate) taken: Count,
    /// By class of status, or by failure.
    pub(crate) failed: Tally,
    pub(crate) durations: Histogram,
    /// The time since which the inbox considers it down, or 0.
    down_since: AtomicU64,
}

impl DestinationMeter {
    pub(crate) fn new(name: &Arc<str>) -> Self {
        let classes = ["3xx", "4xx", "5xx"].into_iter();
        Self {
            name: Arc::clone(name),
            taken: Count::default(),
            failed: Tally::of(classes.chain(AttemptFailure::ALL.map(AttemptFailure::reason))),
            durations: Histogram::of_durations(),
            down_since: AtomicU64::new(0),
        }
    }

    /// Sets whether the inbox considers it down.
    pub(crate) fn set_down(&self, is_down: bool) {
        let since = if is_down { now() } else { 0 };
        self.down_since.store(since, Relaxed);
    }

    /// Returns the time since which it is down.
    pub(crate) fn down_since(&self) -> Option<u64> {
        Some(self.down_since.load(Relaxed)).filter(|since| *since > 0)
    }

    /// Counts an attempt and its duration.
    pub(crate) fn attempted(&self, result: Result<StatusCode, AttemptFailure>, took: Duration) {
        self.durations.took(took);
        match result.map_or_else(AttemptFailure::reason, class) {
            TAKEN => self.taken.add(now()),
            other => self.failed.add(other, now()),
        }
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        2 => TAKEN,
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => "other",
    }
}
