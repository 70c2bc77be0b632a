//! The record of one alarm: whether it is raised, and since when. All gates of one store share it,
//! so that one of them sends each edge.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::evaluation::Judgement;
use crate::runtime::clock::{Millis, millis};

/// The age at which a gate confirms that a shared alarm still holds.
const CONFIRM: Millis = 5_000;

/// The age of the last confirmation at which a shared alarm is over. Every gate that sees the
/// condition confirms more often.
const UNCONFIRMED: Millis = 15_000;

/// The age at which another gate sends an edge whose sender has reported nothing. A sender gives up
/// earlier, unless many messages wait before its own.
const ABANDONED: Millis = 2 * 60 * 60 * 1_000;

/// The least age at which an edge is sent again that its receiver has rejected.
const RESEND: Millis = 60 * 1_000;

/// The state of one alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AlarmRecord {
    pub(super) raised: bool,
    /// The time at which it was last raised.
    raised_at: Millis,
    /// The time of the last edge.
    pub(super) changed_at: Millis,
    /// The time at which a gate last saw that the condition holds.
    seen_at: Millis,
    /// The gate that sends the last edge.
    by: Uuid,
    /// Whether a receiver has got it.
    sent: bool,
    /// Whether its sender tries no more.
    #[serde(default)]
    given_up: bool,
}

/// A change of an alarm that its receiver learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Edge {
    Raised,
    Recovered,
}

/// The next step of an alarm.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AlarmStep {
    Nothing,
    /// Stores the record, and sends the edge if no other gate was faster.
    Send(Edge, AlarmRecord),
    /// Stores the record.
    Confirm(AlarmRecord),
    /// Removes the record.
    Forget,
}

/// The circumstances of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The least time between two alarms of one condition and subject.
    pub(super) cool_down: Duration,
    /// Whether several gates share the records.
    pub(super) shared: bool,
    /// The process of this gate.
    pub(super) gate: Uuid,
    pub(super) now: Millis,
}

impl AlarmRecord {
    /// Returns the time of the last change of any kind.
    pub(super) fn touched_at(&self) -> Millis {
        self.changed_at.max(self.seen_at)
    }

    /// Returns the record after its last edge has reached the receiver.
    pub(super) fn as_sent(&self) -> Self {
        Self {
            sent: true,
            ..self.clone()
        }
    }

    /// Returns the record after the sender of its last edge has given up.
    pub(super) fn as_given_up(&self) -> Self {
        Self {
            given_up: true,
            ..self.clone()
        }
    }

    fn raised(rules: &Rules) -> Self {
        Self {
            raised: true,
            raised_at: rules.now,
            changed_at: rules.now,
            seen_at: rules.now,
            by: rules.gate,
            sent: false,
            given_up: false,
        }
    }

    fn recovered(&self, rules: &Rules) -> Self {
        Self {
            raised: false,
            changed_at: rules.now,
            by: rules.gate,
            sent: false,
            given_up: false,
            ..self.clone()
        }
    }

    /// Whether the last edge has to be sent again: its sender has given up, or its gate has ended.
    fn is_abandoned(&self, rules: &Rules) -> bool {
        let limit = match (self.given_up, rules.shared) {
            (true, _) => millis(rules.cool_down).max(RESEND),
            (false, true) => ABANDONED,
            (false, false) => 0,
        };
        let is_ended = self.given_up || self.by != rules.gate;
        !self.sent && is_ended && rules.age(self.changed_at) >= limit
    }
}

impl Rules {
    /// Returns the age of a time. A clock that was ahead must not delay an alarm for long, so a time
    /// in the future is as old as it is ahead.
    fn age(&self, then: Millis) -> Millis {
        self.now.saturating_sub(then).saturating_abs()
    }

    /// Returns the next step of an alarm whose condition was just judged.
    pub(super) fn step(&self, record: Option<&AlarmRecord>, judgement: Judgement) -> AlarmStep {
        match (record, judgement) {
            (_, Judgement::Unknown) | (None, Judgement::Over) => AlarmStep::Nothing,
            (None, Judgement::Holds) => AlarmStep::Send(Edge::Raised, AlarmRecord::raised(self)),
            (Some(record), Judgement::Holds) => self.step_of_holding(record),
            (Some(record), Judgement::Over) => self.step_of_over(record),
        }
    }

    fn step_of_holding(&self, record: &AlarmRecord) -> AlarmStep {
        if record.raised {
            if record.is_abandoned(self) {
                return AlarmStep::Send(Edge::Raised, AlarmRecord::raised(self));
            }
            let confirms = self.shared && self.age(record.seen_at) >= CONFIRM;
            let confirmed = || AlarmRecord {
                seen_at: self.now,
                ..record.clone()
            };
            return match confirms {
                true => AlarmStep::Confirm(confirmed()),
                false => AlarmStep::Nothing,
            };
        }
        match self.age(record.raised_at) >= millis(self.cool_down) {
            true => AlarmStep::Send(Edge::Raised, AlarmRecord::raised(self)),
            false => AlarmStep::Nothing,
        }
    }

    fn step_of_over(&self, record: &AlarmRecord) -> AlarmStep {
        if record.raised {
            return match self.shared && self.age(record.seen_at) < UNCONFIRMED {
                true => AlarmStep::Nothing,
                // Its receiver does not know that it began.
                false if record.given_up => AlarmStep::Forget,
                false => AlarmStep::Send(Edge::Recovered, record.recovered(self)),
            };
        }
        if record.is_abandoned(self) {
            return AlarmStep::Send(Edge::Recovered, record.recovered(self));
        }
        let is_done = record.sent || self.age(record.changed_at) >= ABANDONED;
        match is_done && self.age(record.raised_at) >= millis(self.cool_down) {
            true => AlarmStep::Forget,
            false => AlarmStep::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
