//! Counts the results of storing the deliveries of one endpoint, whether or not their clients waited for the response.

use uuid::Uuid;

use crate::{
    delivery::event::InsertOutcome,
    telemetry::{
        count::{Count, Reminder, now},
        tally::Tally,
    },
};

/// Counts what the inbox did with the deliveries of one endpoint.
#[derive(Debug)]
pub(crate) struct IntakeMeter {
    pub(crate) kept: Count,
    /// Stored events whose body had come before.
    pub(crate) copies: Count,
    /// Dropped: every destination had an event with their unique value, or was going to get one.
    pub(crate) duplicates: Count,
    /// Stored although their unique value identifies nothing.
    pub(crate) unidentified: Tally,
    /// For each reason, in the order of [`Unidentified::ALL`].
    warned: [Reminder; 2],
}

/// Why a unique value identifies nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unidentified {
    /// It is empty, zero, template text or a word for nothing.
    Placeholder,
    /// It came with three different bodies.
    Reused,
}

impl Unidentified {
    pub(crate) const ALL: [Self; 2] = [Self::Placeholder, Self::Reused];

    /// Why the unique value of a stored event identifies nothing, if so.
    pub(crate) fn of(kept: InsertOutcome, is_placeholder: bool) -> Option<Self> {
        match kept {
            InsertOutcome::Stored(stored) if stored.reused => Some(Self::Reused),
            _ => is_placeholder.then_some(Self::Placeholder),
        }
    }

    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Placeholder => "placeholder",
            Self::Reused => "reused",
        }
    }
}

impl Default for IntakeMeter {
    fn default() -> Self {
        Self {
            kept: Count::default(),
            copies: Count::default(),
            duplicates: Count::default(),
            unidentified: Tally::of(Unidentified::ALL.map(Unidentified::reason)),
            warned: Default::default(),
        }
    }
}

impl IntakeMeter {
    pub(crate) fn kept(&self, kept: InsertOutcome) {
        let now = now();
        match kept {
            InsertOutcome::Duplicate { .. } => self.duplicates.add(now),
            InsertOutcome::Stored(stored) => {
                self.kept.add(now);
                if stored.copy > 0 {
                    self.copies.add(now);
                }
            }
        }
    }

    /// Counts an event whose unique value identifies nothing, and says so at most once an hour for each reason. The value is never shown.
    pub(crate) fn unidentified(&self, doubt: Option<Unidentified>, endpoint: &str, id: Uuid) {
        let Some(doubt) = doubt else {
            return;
        };
        let (now, reason) = (now(), doubt.reason());
        self.unidentified.add(reason, now);
        if self.warned[doubt as usize].is_due(now) {
            tracing::warn!(
                endpoint,
                delivery = %id,
                reason,
                deliveries = self.unidentified.sum(),
                "the value at `unique` identifies no event; such events are stored and not compared"
            );
        }
    }
}
