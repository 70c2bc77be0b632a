//! Waits that double, up to a limit, for as long as something goes on failing.

use std::time::Duration;

/// How long to wait before the next try.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// For a store that gave an error: it may only have been busy.
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

    /// It failed once more.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        wait
    }

    /// No wait is longer.
    pub(super) fn most(&self) -> Duration {
        self.most
    }

    /// Whether it worked the last time.
    pub(super) fn is_fresh(&self) -> bool {
        self.next == self.least
    }

    /// It works again.
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
