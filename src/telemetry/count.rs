//! Counters: a number with the time of its last change, a streak, and a reminder. Their atomics are
//! relaxed, because no number depends on another.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::runtime::turn;

/// Returns the present time, or that of the present turn, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    u64::try_from(turn::unix_millis()).unwrap_or_default()
}

/// Converts a time to milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Counts an event, and keeps the time of the last one.
#[derive(Debug, Default)]
pub(crate) struct Count {
    number: AtomicU64,
    last: AtomicU64,
}

impl Count {
    pub(crate) fn add(&self, now: u64) {
        self.number.fetch_add(1, Relaxed);
        self.last.store(now, Relaxed);
    }

    pub(crate) fn number(&self) -> u64 {
        self.number.load(Relaxed)
    }

    /// Returns the time of the last event, in milliseconds.
    pub(crate) fn last(&self) -> Option<u64> {
        Some(self.last.load(Relaxed)).filter(|last| *last > 0)
    }
}

/// Counts consecutive events, and keeps the time of the first one.
#[derive(Debug, Default)]
pub(crate) struct Streak {
    number: AtomicU64,
    since: AtomicU64,
}

impl Streak {
    pub(crate) fn grow(&self, now: u64) {
        if self.number.fetch_add(1, Relaxed) == 0 {
            self.since.store(now, Relaxed);
        }
    }

    pub(crate) fn end(&self) {
        // Reads first, so that workers share the cache line without writing while there is no
        // streak.
        if self.number() > 0 {
            self.number.store(0, Relaxed);
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number.load(Relaxed)
    }

    /// Returns when the streak began, in milliseconds.
    pub(crate) fn since(&self) -> Option<u64> {
        (self.number() > 0).then(|| self.since.load(Relaxed))
    }
}

/// The time between two log lines of a reminder.
const INTERVAL: u64 = 60 * 60 * 1000;

/// Limits a log line to one per hour.
#[derive(Debug, Default)]
pub(crate) struct Reminder(AtomicU64);

impl Reminder {
    /// Returns whether the line is due now. If several workers ask at once, one of them gets
    /// `true`.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        let before = self.0.load(Relaxed);
        // A clock that was set back must not suppress the line until it catches up.
        let due = before == 0 || now < before || now - before >= INTERVAL;
        due && self
            .0
            .compare_exchange(before, now, Relaxed, Relaxed)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_comes_once_an_hour() {
        let (reminder, first) = (Reminder::default(), now());
        assert!(reminder.is_due(first));
        assert!(!reminder.is_due(first + INTERVAL - 1));
        assert!(reminder.is_due(first + INTERVAL));
        assert!(!reminder.is_due(first + INTERVAL + 1));
    }

    #[test]
    fn a_reminder_comes_although_the_clock_was_ahead() {
        let (reminder, ahead) = (Reminder::default(), now());
        assert!(reminder.is_due(ahead));
        let set_back = ahead - 5 * INTERVAL;
        assert!(reminder.is_due(set_back));
        assert!(!reminder.is_due(set_back + 1));
        assert!(reminder.is_due(set_back + INTERVAL));
    }

    #[test]
    fn a_streak_begins_anew_after_its_end() {
        let streak = Streak::default();
        assert_eq!(streak.since(), None);
        streak.grow(5);
        streak.grow(7);
        assert_eq!((streak.number(), streak.since()), (2, Some(5)));
        streak.end();
        assert_eq!((streak.number(), streak.since()), (0, None));
        streak.grow(9);
        assert_eq!(streak.since(), Some(9));
    }
}
