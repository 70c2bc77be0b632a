//! The ring of the last records.

use std::{collections::VecDeque, sync::Arc};

use uuid::Uuid;

use super::{record::Record, recording::Recording, row::Row};

/// The number of records that the ring holds.
pub(super) const CAPACITY: usize = 1000;

/// The last records, oldest first. Their numbers have no gap.
#[derive(Debug, Default)]
pub(super) struct Ring {
    records: VecDeque<Arc<Record>>,
    /// The number of the newest record; 0 before the first.
    newest: u64,
}

impl Ring {
    /// Adds a record, and evicts the oldest one from a full ring.
    pub(super) fn push(&mut self, row: Row, recording: Recording) {
        self.newest += 1;
        if self.records.len() == CAPACITY {
            self.records.pop_front();
        }
        self.records.push_back(Arc::new(Record {
            number: self.newest,
            row,
            received: recording.received,
            forwarded: recording.forwarded,
        }));
    }

    /// Returns the number of the newest record.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Returns the number of the oldest record, or of the next one if there is none.
    pub(super) fn oldest(&self) -> u64 {
        self.newest + 1 - self.records.len() as u64
    }

    /// Returns the records after the one with this number, oldest first.
    pub(super) fn after(&self, number: u64) -> impl DoubleEndedIterator<Item = &Arc<Record>> {
        let known = number.saturating_add(1).saturating_sub(self.oldest());
        let skipped = usize::try_from(known).unwrap_or(usize::MAX);
        self.records.range(skipped.min(self.records.len())..)
    }

    /// Finds the record of a request.
    pub(super) fn find(&self, id: Uuid) -> Option<&Arc<Record>> {
        self.records.iter().rev().find(|record| record.row.id == id)
    }
}
