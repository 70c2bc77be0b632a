//! The inbox of the gate, if it has one.

use http::StatusCode;

use crate::{
    admin::{api::problem::ApiError, gate::Admin},
    inbox::operations::Jobs,
};

/// Returns the jobs of the gate's inbox.
///
/// # Errors
///
/// When the gate has none.
pub(super) fn jobs_of(admin: &Admin) -> Result<&Jobs, ApiError> {
    admin.jobs.as_ref().ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no-inbox",
            "the gate has no inbox, because no endpoint is durable",
        )
    })
}
