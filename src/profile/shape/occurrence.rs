//! The occurrence of one place in the payloads of one event kind.

use serde::{Deserialize, Serialize};
use tower_cartgate::EventKind;

use crate::runtime::clock::Millis;

/// The number of bodies in a row after which a place counts as one that always occurs.
pub(super) const STEADY: u64 = 50;

/// The same number for a place that was absent once: it may be optional, and must not cause an
/// alarm each time.
const STEADY_AGAIN: u64 = 200;

/// The number of bodies in a row without a steady place that is a change of the shape.
const ABSENT: u64 = 3;

/// The time for which a change is shown, at least, however many bodies have the new shape.
const SHOWN: Millis = 24 * 60 * 60 * 1_000;

/// One value for each event kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::profile) struct ByKind<T>([T; EventKind::ALL.len()]);

/// A number for each event kind.
pub(in crate::profile) type KindCounts = ByKind<u64>;

impl<T> ByKind<T> {
    pub(in crate::profile) fn of(&self, kind: EventKind) -> &T {
        &self.0[index(kind)]
    }

    pub(in crate::profile) fn of_mut(&mut self, kind: EventKind) -> &mut T {
        &mut self.0[index(kind)]
    }

    /// Returns each kind with its value.
    pub(in crate::profile) fn iter(&self) -> impl Iterator<Item = (EventKind, &T)> {
        EventKind::ALL.iter().copied().zip(&self.0)
    }
}

fn index(kind: EventKind) -> usize {
    let place = EventKind::ALL.iter().position(|one| *one == kind);
    place.expect("the list has all kinds")
}

/// How often a place occurred in the bodies of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::profile) struct Occurrence {
    /// The bodies with the place.
    pub(in crate::profile) count: u64,
    /// The bodies in a row with it, up to the last one that had it.
    run: u64,
    /// The bodies in a row without it since then.
    pub(in crate::profile) absent: u64,
    /// Whether it was absent before that run.
    was_absent: bool,
    /// The time at which its absence became a change.
    pub(in crate::profile) missing_since: Option<Millis>,
}

impl Occurrence {
    /// Counts a body with the place. Returns whether that ends a change.
    pub(super) fn present(&mut self) -> bool {
        self.count += 1;
        if self.absent > 0 {
            self.absent = 0;
            self.run = 0;
            self.was_absent = true;
        }
        self.run += 1;
        self.missing_since.take().is_some()
    }

    /// Counts a body without the place.
    pub(super) fn absent(&mut self) {
        if self.count > 0 {
            self.absent += 1;
        }
    }

    /// Whether the place always occurred, up to the last body that had it.
    pub(super) fn is_steady(&self) -> bool {
        self.run
            >= if self.was_absent {
                STEADY_AGAIN
            } else {
                STEADY
            }
    }

    /// Whether the place occurred in the last body, and in each of many before it.
    pub(super) fn is_frequent(&self, bodies: u64) -> bool {
        self.absent == 0 && self.run >= bodies
    }

    /// Whether the place always occurs: in all of these bodies, or in many in a row.
    pub(in crate::profile) fn is_always(&self, bodies: u64) -> bool {
        self.absent == 0 && (self.run >= bodies || self.is_steady())
    }

    /// Whether its absence is a change that is not known yet.
    pub(super) fn is_newly_missing(&self) -> bool {
        self.absent >= ABSENT && self.missing_since.is_none() && self.is_steady()
    }

    /// Whether the shape without the place has become the usual one.
    pub(super) fn is_outdated(&self, now: Millis) -> bool {
        let since = self.missing_since;
        since.is_some_and(|since| self.absent >= STEADY && now.saturating_sub(since) >= SHOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady() -> Occurrence {
        let mut place = Occurrence::default();
        for _ in 0..STEADY {
            assert!(!place.is_steady());
            place.present();
        }
        place
    }

    #[test]
    fn only_the_third_absence_of_a_steady_place_is_a_change() {
        let mut place = steady();
        for newly in [false, false, true, true] {
            place.absent();
            assert_eq!(place.is_newly_missing(), newly);
        }
        place.missing_since = Some(1);
        assert!(!place.is_newly_missing(), "it is known");
        assert!(place.present(), "it is back");
        assert!(!place.present());
    }

    #[test]
    fn an_optional_place_needs_more_evidence() {
        let mut place = steady();
        place.absent();
        for _ in 1..STEADY_AGAIN {
            place.present();
            assert!(!place.is_steady());
        }
        place.present();
        assert!(place.is_steady());
    }

    #[test]
    fn a_new_shape_is_usual_after_a_day_and_many_bodies() {
        let mut place = steady();
        place.missing_since = Some(0);
        for _ in 0..STEADY {
            assert!(!place.is_outdated(SHOWN));
            place.absent();
        }
        assert!(place.is_outdated(SHOWN));
        assert!(!place.is_outdated(SHOWN - 1));
    }

    #[test]
    fn a_place_that_never_occurred_is_not_absent() {
        let mut place = Occurrence::default();
        place.absent();
        assert_eq!(place, Occurrence::default());
    }
}
