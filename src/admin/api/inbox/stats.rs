//! `/api/v1/inbox/stats`: the content and the limits of the inbox.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};

use super::own_inbox::jobs_of;
use crate::{
    admin::{api::problem::ApiError, gate::Admin},
    inbox::operations::InboxStats,
};

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/inbox/stats", get(show))
}

async fn show(State(admin): State<Arc<Admin>>) -> Result<Json<InboxStats>, ApiError> {
    Ok(Json(jobs_of(&admin)?.operations().stats().await?))
}
