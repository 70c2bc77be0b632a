//! The promise that holds at the end of a drill: every acknowledged event has arrived, and only
//! events that were in flight when a gate was killed have arrived twice.

use std::{collections::BTreeMap, time::Instant};

use crate::{
    gate::{self, CONCURRENCY},
    program::Program,
    recipient::{Attempt, Recipient, taken},
    senders::Ledger,
    servers::wait::wait_until,
};

/// The responses that senders got over a whole drill, and the times when gates were killed.
#[derive(Default)]
pub(crate) struct Promise {
    pub(crate) ledger: Ledger,
    kills: Vec<Instant>,
}

/// The figures of a drill that lost nothing.
#[derive(Debug)]
#[expect(dead_code, reason = "it is printed")]
pub(crate) struct Held {
    acknowledged: usize,
    unknown: usize,
    rejected: usize,
    kills: usize,
    lost: usize,
    twice: usize,
}

type Taken = BTreeMap<u64, Vec<Attempt>>;

impl Promise {
    /// Adds the ledger of further senders.
    pub(crate) fn add(&mut self, ledger: Ledger) {
        self.ledger.acknowledged.extend(ledger.acknowledged);
        self.ledger.unknown.extend(ledger.unknown);
        self.ledger.rejected.extend(ledger.rejected);
    }

    /// Kills the only gate of a recipient.
    pub(crate) fn kill(&mut self, gate: Program, recipient: &Recipient) {
        gate::kill(gate);
        // The recipient still reads the bytes that the gate had written.
        recipient.wait_until_left_alone();
        self.kills.push(Instant::now());
    }

    /// Waits until every event has arrived, and checks that only a kill made events arrive twice.
    #[track_caller]
    pub(crate) fn hold(&self, recipients: &[&Recipient]) -> Held {
        let taken = self.wait(recipients);
        self.check_ids(&taken);
        let twice = self.repeated(&taken);
        let most = twice.iter().max().copied().unwrap_or_default();
        assert!(
            most <= CONCURRENCY,
            "arrived twice around each kill: {twice:?}"
        );
        self.held(twice.iter().sum())
    }

    /// Checks the same, but allows more repetitions, because a store that could not be written to
    /// causes some.
    #[track_caller]
    pub(crate) fn hold_at_least_once(&self, recipients: &[&Recipient]) -> Held {
        let taken = self.wait(recipients);
        self.check_ids(&taken);
        self.held(taken.values().filter(|came| came.len() > 1).count())
    }

    fn held(&self, twice: usize) -> Held {
        Held {
            acknowledged: self.ledger.acknowledged.len(),
            unknown: self.ledger.unknown.len(),
            rejected: self.ledger.rejected.len(),
            kills: self.kills.len(),
            lost: 0,
            twice,
        }
    }

    /// Waits until every acknowledged event has arrived, as long as any event still arrives.
    #[track_caller]
    fn wait(&self, recipients: &[&Recipient]) -> Taken {
        loop {
            let count = || recipients.iter().map(|one| one.count()).sum();
            // The count precedes the look at the missing events: an event that arrives in between
            // must not be waited for.
            let mut came: usize = count();
            let taken = taken(recipients);
            let missing = self.missing(&taken);
            if missing == 0 {
                return taken;
            }
            let all = came + missing;
            while came < all {
                let what = format!("{missing} acknowledged orders arrive");
                wait_until(&what, || count() > came);
                came = count();
            }
        }
    }

    fn missing(&self, taken: &Taken) -> usize {
        let acknowledged = self.ledger.acknowledged.keys();
        acknowledged.filter(|one| !taken.contains_key(one)).count()
    }

    /// Checks that an order has one id, the one in the response to its sender.
    #[track_caller]
    fn check_ids(&self, taken: &Taken) {
        for (order, attempts) in taken {
            let id = &attempts[0].id;
            assert!(attempts.iter().all(|one| one.id == *id), "{attempts:#?}");
            if let Some(told) = self.ledger.acknowledged.get(order) {
                assert_eq!(told.as_ref(), Some(id));
            }
        }
    }

    /// Counts the events that arrived twice around each kill. An event must not arrive twice
    /// without a kill in between.
    #[track_caller]
    fn repeated(&self, taken: &Taken) -> Vec<usize> {
        let mut twice = vec![0; self.kills.len()];
        for pair in taken.values().flat_map(|attempts| attempts.windows(2)) {
            let between = |kill: &Instant| (pair[0].at..=pair[1].at).contains(kill);
            let kill = self.kills.iter().position(between);
            twice[kill.unwrap_or_else(|| panic!("twice without a kill: {pair:#?}"))] += 1;
        }
        twice
    }
}

mod tests {
    //! Tests that a broken promise is detected.

    use std::time::Duration;

    use super::*;

    /// Makes an order that arrived at these seconds, with a kill at the tenth.
    fn came_at(seconds: &[u64]) -> (Promise, Taken) {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let attempt = |seconds| Attempt {
            order: 1,
            id: "id".to_owned(),
            at: after(seconds),
            taken: true,
        };
        let attempts = seconds.iter().copied().map(attempt).collect();
        let mut promise = Promise::default();
        promise.kills.push(after(10));
        let told = Some("id".to_owned());
        promise.ledger.acknowledged.insert(1, told);
        (promise, [(1, attempts)].into())
    }

    #[test]
    fn only_around_a_kill_may_an_order_come_twice() {
        for (seconds, twice) in [(&[5][..], 0), (&[15], 0), (&[5, 15], 1)] {
            let (promise, taken) = came_at(seconds);
            assert_eq!(promise.repeated(&taken), [twice]);
        }
    }

    #[test]
    #[should_panic = "twice without a kill"]
    fn twice_before_a_kill_is_noticed() {
        let (promise, taken) = came_at(&[5, 6]);
        promise.repeated(&taken);
    }

    #[test]
    #[should_panic = "twice without a kill"]
    fn a_third_time_after_a_kill_is_noticed() {
        let (promise, taken) = came_at(&[5, 15, 16]);
        promise.repeated(&taken);
    }

    #[test]
    fn what_has_not_come_is_missed() {
        let (promise, mut taken) = came_at(&[5]);
        assert_eq!(promise.missing(&taken), 0);
        taken.clear();
        assert_eq!(promise.missing(&taken), 1);
    }

    #[test]
    #[should_panic = "left == right"]
    fn another_id_than_was_told_is_noticed() {
        let (mut promise, taken) = came_at(&[5]);
        promise
            .ledger
            .acknowledged
            .insert(1, Some("another".to_owned()));
        promise.check_ids(&taken);
    }
}
