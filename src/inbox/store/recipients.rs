//! Decides for which destinations an arrival is stored. Both engines use these rules.
//!
//! - A destination lacks an arrival unless it has received an event with the same unique value, or
//!   still will: a delivery to it is delivered or pending. A dead, quarantined, purged or moved
//!   delivery does not count.
//! - A destination that lacks the arrival gets it, unless that destination has as many undelivered
//!   copies of the body as it may have.
//! - A unique value that comes with a third body identifies nothing. From then on events with it
//!   are not compared.
//! - The sender of a late event has sent it again, or still will. Without a unique value, its body
//!   takes the place of one: a destination gets the late event only if it lacks the body, and no
//!   copy that arrives after it. The digest of the body is its mark.

use std::{collections::BTreeMap, sync::Arc};

use uuid::Uuid;

use crate::delivery::event::{InsertOutcome, Stored, Subscribers};

type Digest = [u8; 32];

/// The bodies that a unique value came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) first: Digest,
    /// A second body raises no doubt, because a sender may serialize an event anew when it resends
    /// it.
    pub(super) second: Option<Digest>,
    /// Whether a third body came.
    pub(super) reused: bool,
}

impl Mark {
    /// Records one more body. Returns false if that changes nothing.
    pub(super) fn record(&mut self, body: Digest) -> bool {
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

/// Destinations that have received an event with some unique value or still will, each with the
/// first such event.
pub(super) type Holders = BTreeMap<String, Uuid>;

/// The number of undelivered copies of a body, by destination.
pub(super) type Copies = BTreeMap<String, u32>;

/// The destinations for which an arrival is stored.
#[derive(Debug)]
pub(super) struct Recipients {
    /// Their queues. An event that no destination subscribes to has one queue without a name.
    pub(super) queues: Vec<Arc<str>>,
    /// The unique value by which later arrivals find the event.
    pub(super) mark: Option<Digest>,
    duplicate_of: Option<Uuid>,
    left_out: bool,
    reused: bool,
}

/// Why no destination is left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoRecipient {
    Duplicate { of: Uuid },
    TooManyCopies,
}

impl Recipients {
    /// Selects all subscribed destinations.
    pub(super) fn new(subscribers: &Subscribers) -> Self {
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

    /// Notes that the arrival's unique value identifies nothing.
    pub(super) fn set_reused(&mut self) {
        self.reused = true;
    }

    /// Removes the destinations that hold the unique value.
    pub(super) fn remove_holders(
        &mut self,
        mark: Digest,
        holders: &Holders,
    ) -> Result<(), NoRecipient> {
        self.mark = Some(mark);
        let held = |queue: &Arc<str>| holders.get(&**queue).copied();
        self.duplicate_of = self.queues.iter().filter_map(held).min();
        self.queues.retain(|queue| held(queue).is_none());
        match self.duplicate_of {
            Some(of) if self.queues.is_empty() => Err(NoRecipient::Duplicate { of }),
            _ => Ok(()),
        }
    }

    /// Removes the destinations that have `most` undelivered copies or more.
    pub(super) fn limit_copies(&mut self, copies: &Copies, most: u32) -> Result<(), NoRecipient> {
        let before = self.queues.len();
        let has_room = |queue: &Arc<str>| copies.get(&**queue).is_none_or(|copies| *copies < most);
        self.queues.retain(has_room);
        self.left_out = self.queues.len() < before;
        if self.queues.is_empty() {
            return Err(NoRecipient::TooManyCopies);
        }
        Ok(())
    }

    /// Returns the result for an event that is stored as copy number `copy`.
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
    fn a_value_identifies_nothing_from_its_third_body_on() {
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
            assert_eq!(mark.record([body; 32]), changes, "{body}");
            assert_eq!(mark.reused, reused, "{body}");
        }
    }

    #[test]
    fn one_destination_that_lacks_it_is_enough() {
        let wanted = Subscribers::Queues(vec!["shop".into(), "mail".into()]);
        let holders = |names: &[&str]| -> Holders {
            names
                .iter()
                .map(|name| ((*name).to_owned(), Uuid::from_u128(7)))
                .collect()
        };
        let mut one = Recipients::new(&wanted);
        let removed = one.remove_holders([1; 32], &holders(&["mail", "gone"]));
        assert_eq!(removed, Ok(()));
        assert_eq!(one.queues, ["shop".into()]);
        let of = Uuid::from_u128(7);
        let all = Recipients::new(&wanted).remove_holders([1; 32], &holders(&["mail", "shop"]));
        assert_eq!(all, Err(NoRecipient::Duplicate { of }));
        let full: Copies = [("shop".to_owned(), 3)].into();
        assert_eq!(one.limit_copies(&full, 3), Err(NoRecipient::TooManyCopies));
        let mut both = Recipients::new(&wanted);
        assert_eq!(both.limit_copies(&full, 3), Ok(()));
        assert!(both.left_out);
        assert_eq!(both.queues, ["mail".into()]);
    }
}
