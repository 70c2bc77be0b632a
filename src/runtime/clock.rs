//! The inbox's clock. Tests pass in a manual one, with which a day of retries takes milliseconds, or
//! a simulated one, which runs with tokio's paused time.

#[cfg(test)]
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(test)]
use tokio::{sync::watch, time::Instant};

/// Milliseconds since 1970.
pub(crate) type Millis = i64;

/// Converts a duration. The result can be added to any time of a clock.
pub(crate) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX >> 1)
}

/// Converts a time to that of the standard library, at the earliest 1970.
pub(crate) fn system_time(at: Millis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at).unwrap_or_default())
}

/// Returns the time from `now` until `due`, or zero if it has passed.
pub(crate) fn remaining(due: Millis, now: Millis) -> Duration {
    Duration::from_millis(u64::try_from(due.saturating_sub(now)).unwrap_or_default())
}

/// A clock. Clones share its time.
#[derive(Debug, Clone, Default)]
pub(crate) enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that a test moves.
    #[cfg(test)]
    Manual(Arc<watch::Sender<Millis>>),
    /// A clock that runs with tokio's time, and that a simulation sets. Like the machine's clock, it
    /// wakes no one when it is set.
    #[cfg(test)]
    Simulated {
        begun: Instant,
        /// The time that it showed at the beginning, with the changes since.
        start: Arc<AtomicI64>,
    },
}

impl Clock {
    pub(crate) fn now(&self) -> Millis {
        match self {
            Self::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                Millis::try_from(since.unwrap_or_default().as_millis()).unwrap_or(Millis::MAX)
            }
            #[cfg(test)]
            Self::Manual(now) => *now.borrow(),
            #[cfg(test)]
            Self::Simulated { begun, start } => start.load(Relaxed) + millis(begun.elapsed()),
        }
    }

    /// Waits from `now`, an earlier time of this clock, until `due`. If the clock is set back after
    /// `now`, the wait does not become longer.
    pub(crate) async fn until(&self, due: Millis, now: Millis) {
        match self {
            Self::System => tokio::time::sleep(remaining(due, now)).await,
            #[cfg(test)]
            Self::Simulated { .. } => tokio::time::sleep(remaining(due, now)).await,
            #[cfg(test)]
            Self::Manual(clock) => {
                let mut clock = clock.subscribe();
                // Cannot fail, because this clock holds the sender.
                let _ = clock.wait_for(|at| *at >= due || *at < now).await;
            }
        }
    }

    /// Creates a clock that stands still until it is moved.
    #[cfg(test)]
    pub(crate) fn manual(now: Millis) -> Self {
        Self::Manual(Arc::new(watch::Sender::new(now)))
    }

    /// Creates a clock that runs with tokio's time.
    #[cfg(test)]
    pub(crate) fn simulated(now: Millis) -> Self {
        Self::Simulated {
            begun: Instant::now(),
            start: Arc::new(AtomicI64::new(now)),
        }
    }

    #[cfg(test)]
    pub(crate) fn advance(&self, by: Duration) {
        self.shift(Millis::try_from(by.as_millis()).expect("a test's time is short"));
    }

    #[cfg(test)]
    pub(crate) fn put_back(&self, by: Duration) {
        self.shift(-Millis::try_from(by.as_millis()).expect("a test's time is short"));
    }

    #[cfg(test)]
    pub(crate) fn shift(&self, by: Millis) {
        match self {
            Self::System => panic!("only the clock of a test can be moved"),
            Self::Manual(now) => now.send_modify(|now| *now += by),
            Self::Simulated { start, .. } => {
                start.fetch_add(by, Relaxed);
            }
        }
    }
}
