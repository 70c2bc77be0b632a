//! The places of one table of a configuration: where the table and each of its keys were written.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Place;

/// The places of a table and its keys.
#[derive(Debug, Clone)]
pub struct Places {
    table: Place,
    keys: BTreeMap<&'static str, Place>,
    /// The flags of keys, for findings about keys that were not given.
    flags: BTreeMap<&'static str, Place>,
    /// Keys with a value that cannot be used.
    failed: BTreeSet<&'static str>,
}

impl Places {
    /// A table without keys.
    #[must_use]
    pub fn new(table: Place) -> Self {
        Self {
            table,
            keys: BTreeMap::new(),
            flags: BTreeMap::new(),
            failed: BTreeSet::new(),
        }
    }

    /// Places of a plan that was never written, for its defaults.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::new(Place::nowhere())
    }

    /// The place of the table.
    #[must_use]
    pub fn table(&self) -> Place {
        self.table
    }

    /// The place of a key: where it was written, or should have been.
    #[must_use]
    pub fn of(&self, key: &str) -> Place {
        let flag = || self.flags.get(key).copied();
        self.written(key).or_else(flag).unwrap_or(self.table)
    }

    /// The place of a key if it was written.
    #[must_use]
    pub fn written(&self, key: &str) -> Option<Place> {
        self.keys.get(key).copied()
    }

    /// Whether the value of a key was written but cannot be used, which was reported.
    #[must_use]
    pub fn failed(&self, key: &str) -> bool {
        self.failed.contains(key)
    }

    /// Records that the value of a key cannot be used.
    pub fn insert_failed(&mut self, key: &'static str) {
        self.failed.insert(key);
    }

    /// Records the flag of a key.
    pub fn insert_flag(&mut self, key: &'static str, flag: &'static str) {
        self.flags.insert(key, Place::flag(flag));
    }

    /// Records the place of a key.
    pub fn insert(&mut self, key: &'static str, place: Place) {
        self.keys.insert(key, place);
    }
}
