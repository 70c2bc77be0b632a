//! `/api/v1/inbox/jobs`: operations on any number of stored deliveries. A new job is counted and
//! changes nothing before it is started.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use http::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use super::own_inbox::jobs_of;
use crate::{
    admin::{
        access::Act, api::problem::ApiError, gate::Admin, server::connection::AdminConnection,
    },
    inbox::operations::{JobDetails, JobRequest, JobState},
};

/// The time for the count of a large store, or for the end of a page. PostgreSQL ends a statement
/// after a minute.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/inbox/jobs", get(list).post(create))
        .route("/inbox/jobs/{id}", get(show).delete(cancel))
        .route("/inbox/jobs/{id}/start", post(start))
}

/// The kept jobs, all on one page.
#[derive(Serialize)]
struct JobPage {
    items: Vec<JobDetails>,
    next: Option<String>,
}

async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<JobPage>, ApiError> {
    let items = jobs_of(&admin)?.list();
    Ok(Json(JobPage { items, next: None }))
}

async fn create(
    State(admin): State<Arc<Admin>>,
    Extension(connection): Extension<Arc<AdminConnection>>,
    Json(request): Json<JobRequest>,
) -> Result<(StatusCode, Json<JobDetails>), ApiError> {
    connection.grant(PATIENCE);
    let job = jobs_of(&admin)?.create(request).await?;
    Ok((StatusCode::CREATED, Json(job)))
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<Uuid>,
) -> Result<Json<JobDetails>, ApiError> {
    Ok(Json(jobs_of(&admin)?.show(id)?))
}

async fn start(
    State(admin): State<Arc<Admin>>,
    Act(operator): Act,
    Path(id): Path<Uuid>,
) -> Result<Json<JobDetails>, ApiError> {
    let job = jobs_of(&admin)?.start(id)?;
    operator.log(job.action.as_str(), subject(&job));
    Ok(Json(job))
}

async fn cancel(
    State(admin): State<Arc<Admin>>,
    Act(operator): Act,
    Extension(connection): Extension<Arc<AdminConnection>>,
    Path(id): Path<Uuid>,
) -> Result<Json<JobDetails>, ApiError> {
    connection.grant(PATIENCE);
    let jobs = jobs_of(&admin)?;
    if jobs.show(id)?.state == JobState::Running {
        operator.log("cancel", format_args!("job {id}"));
    }
    Ok(Json(jobs.cancel(id).await?))
}

/// The ids that a log line shows.
const LOGGED_IDS: usize = 20;

/// Describes a job for the log: its number of deliveries, and the selection of them.
fn subject(job: &JobDetails) -> String {
    let mut selection = job.selection.clone();
    let more = selection.ids.len().saturating_sub(LOGGED_IDS);
    selection.ids.truncate(LOGGED_IDS);
    let selection = serde_json::to_string(&selection).unwrap_or_default();
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more ids"),
    };
    format!(
        "job {} on {} deliveries: {selection}{more}",
        job.id, job.count
    )
}
