//! `/api/v1/inbox`: stored events and their deliveries, and jobs on them.

mod backups;
mod deliveries;
mod error;
mod events;
mod jobs;
mod stats;

use std::sync::Arc;

use axum::Router;
use http::StatusCode;

use super::problem::ApiError;
use crate::{admin::gate::Admin, inbox::operations::Jobs};

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .merge(backups::routes())
        .merge(deliveries::routes())
        .merge(events::routes())
        .merge(jobs::routes())
        .merge(stats::routes())
}

/// Returns the jobs of the gate's inbox.
///
/// # Errors
///
/// When the gate has none.
fn jobs_of(admin: &Admin) -> Result<&Jobs, ApiError> {
    admin.jobs.as_ref().ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no-inbox",
            "the gate has no inbox, because no endpoint is durable",
        )
    })
}
