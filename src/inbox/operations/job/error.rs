//! The errors of jobs.

use uuid::Uuid;

use super::{super::error::OperationError, request::RequestError, status::JobState};

/// The reason why a job is not created, started or found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobsError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Operation(#[from] OperationError),
    #[error("there is no job {0}")]
    Unknown(Uuid),
    #[error("the job is {state}; a job starts once", state = .0.as_str())]
    Started(JobState),
    #[error("job {0} is running; one job runs at a time")]
    AnotherRuns(Uuid),
}
