//! The rotation of probes of a destination that is down.

use uuid::Uuid;

use super::claim::Claim;
use crate::runtime::clock::Millis;

/// The position of a delivery in the rotation of probes: its position in the queue once it is due
/// at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeCursor {
    pub(crate) rank: i16,
    pub(crate) due: Millis,
    pub(crate) event: Uuid,
}

impl ProbeCursor {
    /// The position before every delivery.
    pub(crate) const START: Self = Self {
        rank: 0,
        due: Millis::MIN,
        event: Uuid::nil(),
    };

    /// Returns the position of a claimed delivery.
    pub(crate) fn of(claim: &Claim) -> Self {
        Self {
            rank: i16::from(claim.copy > 0),
            due: claim.event.received,
            event: claim.event.id,
        }
    }
}
