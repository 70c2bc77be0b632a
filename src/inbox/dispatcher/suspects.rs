//! Events that may bring their destination down.
//!
//! An event that crashes its app looks like an app that went down by itself. A second failure tells
//! the two apart: if other events got a response in between, and the event fails again while it is
//! the only one under way, then the event is at fault, and the attempt counts.

use std::collections::HashMap;

use uuid::Uuid;

/// Suspects that are remembered. A suspect that is forgotten fails once more without being counted.
const MOST: usize = 4096;

/// The suspects of one queue.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    /// Responses so far.
    responses: u64,
    /// How many there were when each suspect last failed.
    failed: HashMap<Uuid, u64>,
}

impl Suspects {
    /// Notes that the destination responded to an event.
    pub(super) fn responded(&mut self, event: Uuid) {
        self.responses += 1;
        self.failed.remove(&event);
    }

    /// Notes that an event may have brought the destination down.
    pub(super) fn add(&mut self, event: Uuid) {
        if self.failed.len() >= MOST {
            self.failed.clear();
        }
        self.failed.insert(event, self.responses);
    }

    /// Whether the event failed, and the destination responded to another one since.
    pub(super) fn contains(&self, event: Uuid) -> bool {
        let failed = self.failed.get(&event);
        failed.is_some_and(|before| *before < self.responses)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_suspected_once_another_got_a_response_after_it_failed() {
        let [first, second, third] = [1, 2, 3].map(Uuid::from_u128);
        let mut suspects = Suspects::default();
        suspects.responded(third);
        suspects.add(first);
        suspects.add(second);
        assert!(!suspects.contains(first), "the destination may be down");
        suspects.responded(second);
        assert!(suspects.contains(first));
        assert!(!suspects.contains(second) && !suspects.contains(third));
        suspects.add(first);
        assert!(!suspects.contains(first), "it is down again");
        suspects.responded(third);
        assert!(suspects.contains(first));
        suspects.responded(first);
        assert!(!suspects.contains(first) && suspects.is_empty());
    }

    #[test]
    fn the_suspects_are_bounded() {
        let mut suspects = Suspects::default();
        for number in 0..10_000 {
            suspects.add(Uuid::from_u128(number));
            assert!(suspects.failed.len() <= MOST);
        }
    }
}
