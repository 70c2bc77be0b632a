//! Waits that double while failures continue, up to a limit.

use std::time::Duration;

/// The wait before the next try.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Returns the waits after errors of the store, which may only have been busy.
    pub(super) fn of_store() -> Self {
        Self::between(Duration::from_millis(100), Duration::from_secs(5))
    }

    pub(super) fn between(least: Duration, most: Duration) -> Self {
        Self {
            least,
            most,
            next: least,
        }
    }

    /// Notes a failure, and returns the wait that follows it.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        wait
    }

    /// Returns the longest wait.
    pub(super) fn most(&self) -> Duration {
        self.most
    }

    /// Returns whether the last try succeeded.
    pub(super) fn is_fresh(&self) -> bool {
        self.next == self.least
    }

    /// Notes a success.
    pub(super) fn reset(&mut self) {
        self.next = self.least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::of_store();
        let waits: Vec<_> = (0..8).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.failed().as_millis(), 100);
    }
}
