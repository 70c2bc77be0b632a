//! A job as the API shows it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{super::filter::DeliveryFilter, super::time, action::Action, status::JobState};
use crate::runtime::clock::Millis;

/// A job with its progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobDetails {
    pub(crate) id: Uuid,
    pub(crate) action: Action,
    pub(crate) selection: DeliveryFilter,
    /// The destination of a move.
    pub(crate) to: Option<String>,
    pub(crate) rate: Option<f64>,
    pub(crate) state: JobState,
    /// The deliveries that were selected when the job was created.
    pub(crate) count: u64,
    /// The deliveries that changed.
    pub(crate) done: u64,
    pub(crate) skipped: Skipped,
    pub(crate) error: Option<String>,
    #[serde(with = "time")]
    pub(crate) created: Millis,
    #[serde(with = "time::optional")]
    pub(crate) started: Option<Millis>,
    #[serde(with = "time::optional")]
    pub(crate) ended: Option<Millis>,
}

/// Selected deliveries that a job leaves as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Skipped {
    /// Their seals do not hold.
    pub(crate) quarantined: u64,
    /// They have no configured destination.
    pub(crate) unserved: u64,
}

impl JobDetails {
    /// Returns the number of deliveries that the job has worked on.
    pub(crate) fn worked_on(&self) -> u64 {
        self.done + self.skipped.quarantined + self.skipped.unserved
    }
}
