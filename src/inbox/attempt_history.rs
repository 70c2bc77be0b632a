//! The last finished attempts of a gate, in memory.
//!
//! A store holds the number of attempts and the last failure of a delivery. The history has each
//! attempt of its own, as long as it is among the last. It begins empty at each start.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::finished_attempt::FinishedAttempt;

/// The most attempts that a history holds.
const MOST: usize = 4096;

/// The last finished attempts of a dispatcher, in the order of their ends.
#[derive(Debug, Default)]
pub(crate) struct AttemptHistory {
    attempts: Mutex<VecDeque<FinishedAttempt>>,
}

impl AttemptHistory {
    /// Adds an attempt. The oldest one goes if there are too many.
    pub(crate) fn record(&self, attempt: FinishedAttempt) {
        let mut attempts = self.attempts();
        if attempts.len() >= MOST {
            attempts.pop_front();
        }
        attempts.push_back(attempt);
    }

    /// Returns the attempts of an event, the oldest first.
    pub(crate) fn of(&self, event: Uuid) -> Vec<FinishedAttempt> {
        let attempts = self.attempts();
        let own = attempts.iter().filter(|attempt| attempt.event == event);
        own.cloned().collect()
    }

    fn attempts(&self) -> MutexGuard<'_, VecDeque<FinishedAttempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::delivery::event::{Lease, Settlement};

    fn attempt(event: u128, number: u32) -> FinishedAttempt {
        let lease = Lease {
            event: Uuid::from_u128(event),
            queue: "app".into(),
            token: 1,
        };
        let settlement = Settlement::Delivered { status: 204 };
        let made = FinishedAttempt::new(&lease, number, 5, Duration::from_millis(7), &settlement);
        made.expect("an attempt")
    }

    #[test]
    fn the_last_attempts_are_kept_and_each_event_has_its_own() {
        let history = AttemptHistory::default();
        let numbers = |event| {
            let own = history.of(Uuid::from_u128(event));
            own.iter().map(|attempt| attempt.number).collect::<Vec<_>>()
        };
        history.record(attempt(1, 1));
        history.record(attempt(2, 1));
        history.record(attempt(1, 2));
        assert_eq!((numbers(1), numbers(2)), (vec![1, 2], vec![1]));
        for number in 3..=u32::try_from(MOST).expect("a number") {
            history.record(attempt(3, number));
        }
        assert_eq!(numbers(1), [2], "one more than fits");
        history.record(attempt(3, 0));
        assert_eq!((numbers(1), numbers(2)), (vec![2], vec![]));
        assert_eq!(history.attempts().len(), MOST);
    }
}
