//! The journal: the ring of records, the causes that were found for them, and the place up to which
//! the viewers have them.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    causes::{Causes, FoundCause},
    record::Record,
    recording::Recording,
    ring::Ring,
    row::{Row, RowVerdict},
};

/// The records of a gate.
#[derive(Debug, Default)]
pub(super) struct Journal {
    ring: Ring,
    causes: Causes,
    /// The number of the last record that a tick has taken.
    published: u64,
}

/// The news of one tick.
#[derive(Debug)]
pub(super) struct News {
    /// The number of the record before the first one.
    pub(super) after: u64,
    pub(super) records: Vec<Arc<Record>>,
    pub(super) causes: Vec<FoundCause>,
}

/// The records that a new viewer lacks.
#[derive(Debug)]
pub(super) struct Backlog {
    /// Oldest first. A later tick takes the records after them.
    pub(super) records: Vec<Arc<Record>>,
    /// The records that the ring has no more.
    pub(super) lost: u64,
    /// The number of the last record that a tick has taken.
    pub(super) published: u64,
}

impl Journal {
    /// Adds the record of a request.
    pub(super) fn push(&mut self, row: Row, recording: Recording) {
        if row.verdict == RowVerdict::Rejected
            && let Some(cause) = self.causes.of(row.id)
        {
            // The row is new, so it has no cause yet.
            let _ = row.cause.set(cause);
        }
        self.ring.push(row, recording);
    }

    /// Adds the cause of a mismatch to its row, now or once there is one.
    pub(super) fn explain(&mut self, found: FoundCause) {
        if let Some(record) = self.ring.find(found.id) {
            // A request is examined once.
            let _ = record.row.cause.set(found.cause);
        }
        self.causes.add(found);
    }

    /// Takes the news since the last tick.
    pub(super) fn take_news(&mut self) -> News {
        let after = std::mem::replace(&mut self.published, self.ring.newest());
        News {
            after,
            records: self.ring.after(after).cloned().collect(),
            causes: self.causes.take_new(),
        }
    }

    /// Returns the published records after the one with this number.
    pub(super) fn backlog(&self, number: u64) -> Backlog {
        let published = |record: &&Arc<Record>| record.number <= self.published;
        let records = self.ring.after(number).take_while(published);
        Backlog {
            records: records.cloned().collect(),
            lost: self.ring.oldest().saturating_sub(number.saturating_add(1)),
            published: self.published,
        }
    }

    /// Returns the records before the one with this number, newest first.
    pub(super) fn before(&self, number: u64) -> Vec<Arc<Record>> {
        let all = self.ring.after(0).rev();
        all.filter(|record| record.number < number)
            .cloned()
            .collect()
    }

    /// Finds the record of a request.
    pub(super) fn find(&self, id: Uuid) -> Option<Arc<Record>> {
        self.ring.find(id).cloned()
    }
}
