//! The facts about an attempt to deliver a stored event.

use super::event::Claim;
use crate::runtime::clock::Millis;

/// One of the attempts to deliver a stored event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AttemptInfo {
    /// The number of the attempt; the first is 1.
    pub(crate) number: u32,
    /// The start of the attempt, by the clock that scheduled it.
    pub(crate) begins: Millis,
    /// The time at which the event was received.
    pub(crate) received: Millis,
    /// The number of earlier events with the same body.
    pub(crate) copy: u32,
    /// The time at which the first event with the same body was received.
    pub(crate) first_received: Millis,
}

impl AttemptInfo {
    /// Returns the attempt of a claim that begins at `begins`.
    pub(crate) fn of(claim: &Claim, begins: Millis) -> Self {
        Self {
            number: claim.attempts.saturating_add(1),
            begins,
            received: claim.event.received,
            copy: claim.copy,
            first_received: claim.first_received,
        }
    }
}
