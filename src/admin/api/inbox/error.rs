//! Errors of the inbox as errors of the API.

use http::StatusCode;

use crate::{
    admin::api::problem::ApiError,
    inbox::operations::{JobsError, OperationError},
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

impl From<JobsError> for ApiError {
    fn from(error: JobsError) -> Self {
        match error {
            JobsError::Operation(error) => error.into(),
            JobsError::Request(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-job", error)
            }
            JobsError::Unknown(_) => Self::not_found(error),
            JobsError::Started(_) => Self::conflict("already-started", error),
            JobsError::AnotherRuns(_) => Self::conflict("another-job-runs", error),
        }
    }
}
