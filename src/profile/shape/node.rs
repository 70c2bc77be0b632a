//! One place in the payloads of an endpoint.

use serde::{Deserialize, Serialize};
use tower_cartgate::EventKind;

use super::{
    occurrence::{ByKind, Occurrence},
    times::Times,
    values::Values,
};
use crate::profile::{
    key_name::ANY,
    reading::{Key, Spot},
    types::Types,
};

/// The number of bodies after which a key may be named.
const NAMED_AFTER: u64 = 5;

/// The number of bodies in a row after which a key is named, even if it is new and therefore rare.
const NAMED_AFTER_RUN: u64 = 20;

/// A key is named if one in so many of the objects around it has it.
const SHARE: u64 = 10;

/// The same number for an object with very many keys, which are probably values.
const SHARE_OF_MAP: u64 = 2;

/// One place in the payloads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::profile) struct Place {
    /// The index of its parent; the root is its own.
    pub(super) parent: usize,
    /// The digest of its key.
    pub(super) key: u64,
    /// Its key, once it is frequent.
    name: Option<Box<str>>,
    pub(in crate::profile) kinds: ByKind<Occurrence>,
    pub(in crate::profile) types: Types,
    /// Whether it is an object with very many keys.
    pub(super) is_map: bool,
    /// Whether the key occurred twice in one object, so that readers may differ.
    is_doubled: bool,
    /// Whether it stands for several values of one payload.
    is_collective: bool,
    pub(in crate::profile) values: Values,
    pub(in crate::profile) times: Times,
    /// Whether the last body had it.
    #[serde(skip)]
    pub(super) is_touched: bool,
}

impl Place {
    /// Returns the place of whole payloads.
    pub(super) fn root() -> Self {
        Self::new(0, Key::ANY, false)
    }

    pub(super) fn new(parent: usize, key: u64, is_collective: bool) -> Self {
        Self {
            parent,
            key,
            name: None,
            kinds: ByKind::default(),
            types: Types::default(),
            is_map: false,
            is_doubled: false,
            is_collective,
            values: Values::default(),
            times: Times::default(),
            is_touched: false,
        }
    }

    /// Returns a new place below this one.
    pub(super) fn child(&self, index: usize, key: u64) -> Self {
        Self::new(index, key, self.is_collective || key == Key::ANY)
    }

    /// Learns the place of another body. Returns whether a change ends.
    pub(super) fn learn(&mut self, spot: &Spot, kind: EventKind, may_track: bool) -> bool {
        self.types.add_all(spot.types);
        // Several keys of a map are one place.
        if std::mem::replace(&mut self.is_touched, true) {
            return false;
        }
        self.is_doubled |= spot.is_doubled;
        if !self.is_collective {
            match &spot.scalar {
                Some(scalar) => {
                    self.values.learn(scalar, may_track);
                    self.times.learn(scalar.moment);
                }
                None => {
                    self.values.learn_nothing();
                    self.times.learn(None);
                }
            }
        }
        self.kinds.of_mut(kind).present()
    }

    /// Names the key if it is frequent among the objects of its parent.
    pub(super) fn name_if_frequent(&mut self, key: &Key, parent: &ParentFacts) {
        let Key::Name(name, digest) = key else {
            return;
        };
        if self.name.is_none() && *digest == self.key && self.is_frequent(parent) {
            self.name = Some(name.clone());
        }
    }

    /// Forgets the key if it has become rare.
    pub(super) fn forget_name_if_rare(&mut self, parent: &ParentFacts) {
        let is_rare = self.count() * 2 * parent.share() < parent.count;
        if is_rare && !self.is_in_a_run(NAMED_AFTER_RUN) {
            self.name = None;
        }
    }

    /// Whether less than half of the objects around it have the key.
    pub(super) fn is_rare(&self, parent: &ParentFacts) -> bool {
        self.count() * 2 < parent.count
    }

    fn is_frequent(&self, parent: &ParentFacts) -> bool {
        let count = self.count();
        let is_common = count.saturating_mul(parent.share()) >= parent.count;
        count >= NAMED_AFTER && (is_common || self.is_in_a_run(NAMED_AFTER_RUN))
    }

    fn is_in_a_run(&self, bodies: u64) -> bool {
        let mut kinds = self.kinds.iter();
        kinds.any(|(_, one)| one.is_frequent(bodies))
    }

    /// Returns the facts that decide about the names of its keys.
    pub(super) fn as_parent(&self) -> ParentFacts {
        ParentFacts {
            count: self.count(),
            is_map: self.is_map,
        }
    }

    /// Returns the number of bodies with this place.
    pub(in crate::profile) fn count(&self) -> u64 {
        self.kinds.iter().map(|(_, one)| one.count).sum()
    }

    /// Returns the step of a pointer; none if the key has no name.
    pub(super) fn step(&self) -> Option<&str> {
        match &self.name {
            Some(name) => Some(name),
            None if self.key == Key::ANY => Some(ANY),
            None => None,
        }
    }

    /// Whether its absence is a change.
    pub(in crate::profile) fn is_missing(&self) -> bool {
        let mut kinds = self.kinds.iter();
        kinds.any(|(_, one)| one.missing_since.is_some())
    }

    /// Whether a pointer to it finds exactly one value.
    pub(in crate::profile) fn is_single(&self) -> bool {
        !self.is_collective && !self.is_doubled
    }
}

/// The facts about an object that decide which of its keys are named.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParentFacts {
    count: u64,
    is_map: bool,
}

impl ParentFacts {
    fn share(&self) -> u64 {
        if self.is_map { SHARE_OF_MAP } else { SHARE }
    }
}
