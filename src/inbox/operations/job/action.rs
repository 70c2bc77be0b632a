//! The actions of jobs.

use serde::{Deserialize, Serialize};

/// The action of a job on each selected delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    /// Makes an undelivered delivery due now, with its whole schedule ahead.
    Retry,
    /// Delivers a delivered event or a dead letter again.
    Replay,
    /// Moves an undelivered delivery to another destination.
    Move,
    /// Removes the delivery.
    Purge,
}

impl Action {
    /// Returns the word for the action.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Replay => "replay",
            Self::Move => "move",
            Self::Purge => "purge",
        }
    }
}
