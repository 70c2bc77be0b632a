//! Errors of the inbox as errors of the API.

use http::StatusCode;

use crate::{
    admin::api::problem::ApiError,
    inbox::operations::{JobError, OperationError},
};

impl From<OperationError> for ApiError {
    fn from(error: OperationError) -> Self {
        let reason = match error {
            OperationError::Store(_) => {
                return Self::unavailable("inbox-unavailable", error);
            }
            OperationError::UnknownDestination(_) => "unknown-destination",
            OperationError::TooManyIds => "too-many-ids",
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, reason, error)
    }
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Operation(error) => error.into(),
            JobError::Request(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-job", error)
            }
            JobError::Unknown(_) => Self::not_found(error),
            JobError::Started(_) => Self::conflict("already-started", error),
            JobError::AnotherRuns(_) => Self::conflict("another-job-runs", error),
        }
    }
}
