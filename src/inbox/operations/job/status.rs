//! The status of a job, which changes while it runs.

use serde::{Deserialize, Serialize};

use crate::runtime::clock::Millis;

/// The state of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum JobState {
    /// Counted and not started. Nothing has changed yet.
    #[default]
    Counted,
    /// At work.
    Running,
    /// Every selected delivery was worked on.
    Done,
    /// Cancelled before its end.
    Cancelled,
    /// Ended by an error.
    Failed,
}

impl JobState {
    /// Returns the word for the state.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Returns whether the job works no more.
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

/// The status of a job.
#[derive(Debug, Clone, Default)]
pub(super) struct JobStatus {
    pub(super) state: JobState,
    pub(super) tally: JobTally,
    pub(super) error: Option<String>,
    pub(super) started: Option<Millis>,
    pub(super) ended: Option<Millis>,
    /// Whether the job has to end before its next page.
    pub(super) cancels: bool,
}

/// The deliveries that a job has worked on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct JobTally {
    /// Deliveries that changed.
    pub(super) done: u64,
    /// Deliveries that stay in quarantine, because their seals do not hold.
    pub(super) quarantined: u64,
    /// Deliveries without a destination, or of one that is not configured.
    pub(super) unserved: u64,
}

impl JobTally {
    pub(super) fn add(&mut self, other: Self) {
        self.done += other.done;
        self.quarantined += other.quarantined;
        self.unserved += other.unserved;
    }
}

impl JobStatus {
    /// Ends the job, unless it has ended.
    pub(super) fn end(&mut self, state: JobState, error: Option<String>, now: Millis) {
        if !self.state.is_end() {
            self.state = state;
            self.error = error;
            self.ended = Some(now);
        }
    }
}
