//! The causes that the doctor has found, on their way to their rows and to viewers.

use std::collections::VecDeque;

use serde::Serialize;
use uuid::Uuid;

/// The causes that are kept. The doctor finds at most one a second, and its request ends in less.
const KEPT: usize = 16;

/// The cause of a mismatch.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FoundCause {
    pub(super) id: Uuid,
    /// The doctor's word.
    pub(super) cause: &'static str,
    /// The doctor's sentence, which contains neither secret nor body.
    pub(super) text: String,
}

/// The last causes, oldest first.
#[derive(Debug, Default)]
pub(super) struct Causes {
    kept: VecDeque<FoundCause>,
    /// The number of causes at the end of the list that no tick has taken yet.
    new: usize,
}

impl Causes {
    /// Adds a cause.
    pub(super) fn add(&mut self, found: FoundCause) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(found);
        self.new = (self.new + 1).min(self.kept.len());
    }

    /// Returns the cause of a request that the doctor has examined before the request ended.
    pub(super) fn of(&self, id: Uuid) -> Option<&'static str> {
        let found = self.kept.iter().rev().find(|found| found.id == id);
        found.map(|found| found.cause)
    }

    /// Takes the causes since the last tick.
    pub(super) fn take_new(&mut self) -> Vec<FoundCause> {
        let known = self.kept.len() - std::mem::take(&mut self.new);
        self.kept.range(known..).cloned().collect()
    }
}
