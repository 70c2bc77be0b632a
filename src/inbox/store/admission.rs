//! Decides for which destinations an arrival is stored. Both engines ask here, so that one rule holds.
//!
//! - A destination lacks an arrival unless it has received an event with the same unique value, or still will: a delivery to
//!   it is delivered or pending. A dead, quarantined, purged or moved delivery does not count.
//! - A destination that lacks it gets it, unless as many copies of the body as may be are undelivered for that destination.
//! - A unique value that comes with a third body identifies nothing. From then on events with it are not compared.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use crate::delivery::event::{InsertOutcome, Stored, Subscribers};

type Digest = [u8; 32];

/// The bodies that a unique value came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) first: Digest,
    /// A resend may be serialised anew, so a second body is no reason for doubt.
    pub(super) second: Option<Digest>,
    /// A third body came.
    pub(super) reused: bool,
}

impl Mark {
    /// Notes one more body; false if it changes nothing.
    pub(super) fn note(&mut self, body: Digest) -> bool {
        if self.reused || body == self.first || self.second == Some(body) {
            return false;
        }
        if self.second.is_none() {
            self.second = Some(body);
        } else {
            self.reused = true;
        }
        true
    }
}

/// Destinations that have received an event with some unique value or still will, each with the first such event.
pub(super) type Holders = BTreeMap<String, Uuid>;

/// Undelivered copies of a body, by destination.
pub(super) type Copies = BTreeMap<String, u32>;

/// The destinations for which an arrival is to be stored.
#[derive(Debug)]
pub(super) struct Admission {
    /// One without a name for an event that no destination wants.
    pub(super) queues: Vec<Arc<str>>,
    /// The unique value with which the event is to be found.
    pub(super) mark: Option<Digest>,
    duplicate_of: Option<Uuid>,
    left_out: bool,
    reused: bool,
}

/// No destination is left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Duplicate { of: Uuid },
    Copies,
}

impl Admission {
    /// For all destinations that want it.
    pub(super) fn of(subscribers: &Subscribers) -> Self {
        let queues = match subscribers {
            Subscribers::Queues(queues) => queues.clone(),
            Subscribers::None(_) => vec![Arc::from("")],
        };
        Self {
            queues,
            mark: None,
            duplicate_of: None,
            left_out: false,
            reused: false,
        }
    }

    /// Its unique value identifies nothing.
    pub(super) fn reused(&mut self) {
        self.reused = true;
    }

    /// Keeps the destinations that lack it.
    pub(super) fn skip(&mut self, mark: Digest, holders: &Holders) -> Result<(), Refusal> {
        self.mark = Some(mark);
        let held = |queue: &Arc<str>| holders.get(&**queue).copied();
        self.duplicate_of = self.queues.iter().filter_map(held).min();
        self.queues.retain(|queue| held(queue).is_none());
        match self.duplicate_of {
            Some(of) if self.queues.is_empty() => Err(Refusal::Duplicate { of }),
            _ => Ok(()),
        }
    }

    /// Keeps the destinations that have fewer undelivered copies than they may have.
    pub(super) fn leave_out(&mut self, copies: &Copies, most: u32) -> Result<(), Refusal> {
        let before = self.queues.len();
        let has_room = |queue: &Arc<str>| copies.get(&**queue).is_none_or(|copies| *copies < most);
        self.queues.retain(has_room);
        self.left_out = self.queues.len() < before;
        if self.queues.is_empty() {
            return Err(Refusal::Copies);
        }
        Ok(())
    }

    /// The result, once the event is stored.
    pub(super) fn stored(&self, copy: u32) -> InsertOutcome {
        InsertOutcome::Stored(Stored {
            copy,
            duplicate_of: self.duplicate_of,
            left_out: self.left_out,
            reused: self.reused,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_as_none_from_its_third_body_on() {
        let mut mark = Mark {
            first: [1; 32],
            second: None,
            reused: false,
        };
        for (body, changes, reused) in [
            (1, false, false),
            (2, true, false),
            (1, false, false),
            (2, false, false),
            (3, true, true),
            (1, false, true),
            (4, false, true),
        ] {
            assert_eq!(mark.note([body; 32]), changes, "{body}");
            assert_eq!(mark.reused, reused, "{body}");
        }
    }

    #[test]
    fn one_destination_that_lacks_it_is_enough() {
        let subscribers = Subscribers::Queues(vec!["shop".into(), "mail".into()]);
        let holders = |names: &[&str]| -> Holders {
            names
                .iter()
                .map(|name| ((*name).to_owned(), Uuid::from_u128(7)))
                .collect()
        };
        let mut admission = Admission::of(&subscribers);
        assert_eq!(admission.skip([1; 32], &holders(&["mail", "gone"])), Ok(()));
        assert_eq!(admission.queues, ["shop".into()]);
        let of = Uuid::from_u128(7);
        let all = Admission::of(&subscribers).skip([1; 32], &holders(&["mail", "shop"]));
        assert_eq!(all, Err(Refusal::Duplicate { of }));
        let full: Copies = [("shop".to_owned(), 3)].into();
        assert_eq!(admission.leave_out(&full, 3), Err(Refusal::Copies));
        let mut both = Admission::of(&subscribers);
        assert_eq!(both.leave_out(&full, 3), Ok(()));
        assert!(both.left_out);
        assert_eq!(both.queues, ["mail".into()]);
    }
}
