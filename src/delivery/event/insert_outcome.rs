//! The outcome of inserting an event into a store.

use uuid::Uuid;

/// The outcome of an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InsertOutcome {
    /// The event is stored.
    Stored(Stored),
    /// The event is dropped: every destination has received an event with the same unique value, or
    /// still will.
    Duplicate {
        /// The first of those events.
        of: Uuid,
    },
}

/// The facts about a stored event that its insert has shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The number of earlier events with the same body.
    pub(crate) copy: u32,
    /// The earlier event with the same unique value that some of the destinations have, or will
    /// get. This event goes to the other destinations only.
    pub(crate) duplicate_of: Option<Uuid>,
    /// Whether a destination was left out because it has too many undelivered copies of the body.
    pub(crate) left_out: bool,
    /// Whether the unique value came with so many different bodies that it identifies nothing.
    pub(crate) reused: bool,
}

impl InsertOutcome {
    /// Returns the outcome of an event that is stored for all of its destinations.
    #[cfg(test)]
    pub(crate) fn stored(copy: u32) -> Self {
        Self::Stored(Stored {
            copy,
            ..Stored::default()
        })
    }
}
