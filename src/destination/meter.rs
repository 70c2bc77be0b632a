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
    health: HealthMeter,
}

/// Whether the inbox considers a destination down, and the time since which it does: the time in
/// milliseconds, and a bit that is set while it is down. 0 before anything is known.
#[derive(Debug, Default)]
struct HealthMeter(AtomicU64);

impl DestinationMeter {
    pub(crate) fn new(name: &Arc<str>) -> Self {
        let classes = ["3xx", "4xx", "5xx"].into_iter();
        Self {
            name: Arc::clone(name),
            taken: Count::default(),
            failed: Tally::of(classes.chain(AttemptFailure::ALL.map(AttemptFailure::reason))),
            durations: Histogram::of_durations(),
            health: HealthMeter::default(),
        }
    }

    /// Sets whether the inbox considers it down. The time changes only with the state, so that a
    /// reload does not count anew.
    pub(crate) fn set_down(&self, is_down: bool) {
        if self.health.since(is_down).is_none() {
            let state = now() << 1 | u64::from(is_down);
            self.health.0.store(state, Relaxed);
        }
    }

    /// Returns the time since which it is down.
    pub(crate) fn down_since(&self) -> Option<u64> {
        self.health.since(true)
    }

    /// Returns the time since which it is not down: since it came back, or since its queue began.
    pub(crate) fn up_since(&self) -> Option<u64> {
        self.health.since(false)
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

impl HealthMeter {
    /// Returns the time since which it is in this state, if it is.
    fn since(&self, is_down: bool) -> Option<u64> {
        let state = self.0.load(Relaxed);
        let is_so = state & 1 == u64::from(is_down);
        (state > 0 && is_so).then_some(state >> 1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_confirmed_keeps_its_time() {
        let meter = DestinationMeter::new(&Arc::from("app"));
        assert_eq!((meter.down_since(), meter.up_since()), (None, None));
        for is_down in [true, false] {
            meter.health.0.store(5 << 1 | u64::from(is_down), Relaxed);
            meter.set_down(is_down);
            let times = (meter.down_since(), meter.up_since());
            let expected = if is_down {
                (Some(5), None)
            } else {
                (None, Some(5))
            };
            assert_eq!(times, expected);
            meter.set_down(!is_down);
            let (down, up) = (meter.down_since(), meter.up_since());
            assert_eq!(down.is_some(), !is_down);
            assert_eq!(up.is_some(), is_down);
            assert!(down.or(up) > Some(5));
        }
    }
}
