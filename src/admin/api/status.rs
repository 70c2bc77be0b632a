//! `/api/v1/status`: the report of `cartgate status`.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};

use super::problem::ApiError;
use crate::admin::{access::Look, gate::Admin, report, status::Report};

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/status", get(show))
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Look(operator): Look,
) -> Result<Json<Report>, ApiError> {
    let report = admin.render(|gate| Some(report::of(gate))).await;
    let mut report = report.ok_or_else(ApiError::internal)?;
    report.instance = admin.instance.to_string();
    report.console = if operator.may_act { "act" } else { "look" }.to_owned();
    Ok(Json(report))
}
