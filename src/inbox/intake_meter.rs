//! The meter of one endpoint's arrivals in the inbox. It counts each result, whether or not the
//! client waited for the response.

use uuid::Uuid;

use crate::{
    delivery::event::InsertOutcome,
    telemetry::{
        count::{Count, Reminder, now},
        tally::Tally,
    },
};

/// Counts the arrivals of one endpoint.
#[derive(Debug)]
pub(crate) struct IntakeMeter {
    pub(crate) stored: Count,
    /// Stored events with the body of an earlier event.
    pub(crate) copies: Count,
    /// Dropped duplicates: every destination has an event with the same unique value, or will get
    /// it.
    pub(crate) duplicates: Count,
    /// Stored events whose unique value identifies nothing.
    pub(crate) unidentified: Tally,
    /// One for each reason, in the order of [`Unidentified::ALL`].
    reminders: [Reminder; 2],
}

/// The reason why a unique value identifies nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unidentified {
    /// The value is a placeholder: empty, zero, template text or a word such as `null`.
    Placeholder,
    /// The value came with three different bodies.
    Reused,
}

impl Unidentified {
    pub(crate) const ALL: [Self; 2] = [Self::Placeholder, Self::Reused];

    /// Returns the reason why the unique value of an arrival identifies nothing.
    pub(crate) fn of(outcome: InsertOutcome, is_placeholder: bool) -> Option<Self> {
        match outcome {
            InsertOutcome::Stored(stored) if stored.reused => Some(Self::Reused),
            _ => is_placeholder.then_some(Self::Placeholder),
        }
    }

    /// Returns the reason's word in logs and metrics.
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
            stored: Count::default(),
            copies: Count::default(),
            duplicates: Count::default(),
            unidentified: Tally::of(Unidentified::ALL.map(Unidentified::reason)),
            reminders: Default::default(),
        }
    }
}

impl IntakeMeter {
    /// Counts an arrival.
    pub(crate) fn count(&self, outcome: InsertOutcome) {
        let now = now();
        match outcome {
            InsertOutcome::Duplicate { .. } => self.duplicates.add(now),
            InsertOutcome::Stored(stored) => {
                self.stored.add(now);
                if stored.copy > 0 {
                    self.copies.add(now);
                }
            }
        }
    }

    /// Counts an event whose unique value identifies nothing, and warns once an hour at most for
    /// each reason. The value is never shown.
    pub(crate) fn count_unidentified(&self, why: Unidentified, endpoint: &str, id: Uuid) {
        let (now, reason) = (now(), why.reason());
        self.unidentified.add(reason, now);
        if self.reminders[why as usize].is_due(now) {
            tracing::warn!(
                endpoint,
                delivery = %id,
                reason,
                deliveries = self.unidentified.sum(),
                "the value at `unique` identifies no event: such events are stored without comparison"
            );
        }
    }
}
