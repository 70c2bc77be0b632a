//! Collects the places of a payload, within limits.

use std::collections::HashMap;

use crate::{
    profile::{
        digest::{DigestKey, DigestPurpose},
        key_name::looks_like_value,
        scalar::ScalarFacts,
        types::{Types, ValueType},
    },
    runtime::clock::Millis,
};

/// The largest number of places that one payload may have.
const MAX_SPOTS: usize = 2_048;

/// The largest number of values that are read from one payload.
const MAX_VALUES: usize = 65_536;

/// The deepest place.
pub(super) const MAX_DEPTH: usize = 16;

/// One place in a payload.
#[derive(Debug)]
pub(in crate::profile) struct Spot {
    /// The index of its parent; the root is its own.
    pub(in crate::profile) parent: usize,
    pub(in crate::profile) key: Key,
    pub(in crate::profile) types: Types,
    /// The facts of the one value there; none in an array or under a key that looks like a value.
    pub(in crate::profile) scalar: Option<ScalarFacts>,
    /// Whether a key on the way occurred twice.
    pub(in crate::profile) is_doubled: bool,
    depth: usize,
    /// Whether the place stands for any number of values.
    is_collective: bool,
}

/// The last step to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::profile) enum Key {
    /// A key of an object, with its digest.
    Name(Box<str>, u64),
    /// Any element of an array, or any key that looks like a value.
    Any,
}

impl Key {
    /// Returns what tells the key from others of the same parent.
    pub(in crate::profile) fn digest(&self) -> u64 {
        match self {
            Self::Name(_, digest) => *digest,
            Self::Any => Self::ANY,
        }
    }

    /// The digest of [`Any`](Self::Any).
    pub(in crate::profile) const ANY: u64 = 0;
}

/// Collects places.
pub(super) struct Builder<'k> {
    digests: &'k DigestKey,
    now: Millis,
    spots: Vec<Spot>,
    index: HashMap<(usize, u64), usize>,
    values: usize,
    is_whole: bool,
}

impl<'k> Builder<'k> {
    pub(super) fn new(digests: &'k DigestKey, now: Millis) -> Self {
        let root = Spot {
            parent: 0,
            key: Key::Any,
            types: Types::default(),
            scalar: None,
            is_doubled: false,
            depth: 0,
            is_collective: false,
        };
        Self {
            digests,
            now,
            spots: vec![root],
            index: HashMap::new(),
            values: 0,
            is_whole: true,
        }
    }

    /// Returns the place of a key, unless a limit is reached.
    pub(super) fn enter_key(&mut self, parent: usize, key: &str) -> Option<usize> {
        let key = if looks_like_value(key) {
            Key::Any
        } else {
            // Zero is taken.
            let digest = self
                .digests
                .digest(DigestPurpose::Name, key.as_bytes())
                .max(1);
            Key::Name(key.into(), digest)
        };
        self.enter(parent, key)
    }

    /// Returns the place of the elements of an array, unless a limit is reached.
    pub(super) fn enter_element(&mut self, parent: usize) -> Option<usize> {
        self.enter(parent, Key::Any)
    }

    fn enter(&mut self, parent: usize, key: Key) -> Option<usize> {
        if self.spots[parent].depth >= MAX_DEPTH {
            return None;
        }
        self.values += 1;
        let id = (parent, key.digest());
        let known = self.index.get(&id).copied();
        if self.values > MAX_VALUES || (known.is_none() && self.spots.len() >= MAX_SPOTS) {
            self.is_whole = false;
            return None;
        }
        Some(match known {
            Some(spot) => {
                let spot_there = &mut self.spots[spot];
                spot_there.is_doubled |= !spot_there.is_collective;
                spot
            }
            None => self.add(id, key),
        })
    }

    fn add(&mut self, id: (usize, u64), key: Key) -> usize {
        let (parent, spot) = (&self.spots[id.0], self.spots.len());
        self.index.insert(id, spot);
        self.spots.push(Spot {
            parent: id.0,
            is_collective: parent.is_collective || key == Key::Any,
            is_doubled: parent.is_doubled,
            depth: parent.depth + 1,
            key,
            types: Types::default(),
            scalar: None,
        });
        spot
    }

    /// Notes a value without facts of its own.
    pub(super) fn note(&mut self, spot: usize, found: ValueType) {
        self.spots[spot].types.add(found);
    }

    /// Notes a string.
    pub(super) fn note_text(&mut self, spot: usize, text: &str) {
        self.note(spot, ValueType::String);
        if !self.spots[spot].is_collective {
            let scalar = ScalarFacts::of_text(text, self.digests, self.now);
            self.spots[spot].scalar = Some(scalar);
        }
    }

    /// Notes an integer.
    pub(super) fn note_integer(&mut self, spot: usize, number: i128) {
        self.note(spot, ValueType::Integer);
        if !self.spots[spot].is_collective {
            let scalar = ScalarFacts::of_integer(number, self.digests, self.now);
            self.spots[spot].scalar = Some(scalar);
        }
    }

    /// Notes a number that is no integer.
    pub(super) fn note_fraction(&mut self, spot: usize) {
        self.note(spot, ValueType::Number);
        if !self.spots[spot].is_collective {
            self.spots[spot].scalar = Some(ScalarFacts::nothing());
        }
    }

    /// Returns the places, and whether everything was read down to the limit of depth.
    pub(super) fn finish(self) -> (Vec<Spot>, bool) {
        (self.spots, self.is_whole)
    }
}
