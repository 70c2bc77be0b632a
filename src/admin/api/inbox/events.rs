//! `/api/v1/inbox/events`: single stored events, and their bodies.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{
    StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use uuid::Uuid;

use super::own_inbox::jobs_of;
use crate::{
    admin::{
        access::{Identity, Look},
        api::problem::ApiError,
        gate::Admin,
    },
    inbox::operations::EventDetails,
};

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/inbox/events/{id}", get(show))
        .route("/inbox/events/{id}/body", get(body))
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Look(operator): Look,
    Path(id): Path<Uuid>,
) -> Result<Json<EventDetails>, ApiError> {
    let shown = jobs_of(&admin)?.operations().show(id).await?;
    let mut shown = shown.ok_or_else(|| missing(id))?;
    // The gate's own user can read the store.
    if operator.identity != Identity::Owner {
        shown.redact();
    }
    Ok(Json(shown))
}

/// Returns the octets of a body. They are untrusted, so no browser may show them as a page.
async fn body(
    State(admin): State<Arc<Admin>>,
    Look(operator): Look,
    Path(id): Path<Uuid>,
) -> Result<Response, ApiError> {
    let body = jobs_of(&admin)?.operations().body(id).await?;
    let body = body.ok_or_else(|| missing(id))?;
    let body = body.map_err(|broken| ApiError::new(StatusCode::CONFLICT, "broken", broken))?;
    operator.log("open-body", id);
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}\""),
        ),
    ];
    Ok((headers, body).into_response())
}

fn missing(id: Uuid) -> ApiError {
    ApiError::not_found(format_args!("there is no event {id}"))
}
