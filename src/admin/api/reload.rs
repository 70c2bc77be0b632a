//! `/api/v1/reload`: reloads the configuration, as SIGHUP does, and returns the result.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::post};
use http::StatusCode;

use super::problem::ApiError;
use crate::{
    admin::{access::Act, gate::Admin, status::Reloaded},
    proxy::shared::Stage,
};

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/reload", post(reload))
}

async fn reload(
    State(admin): State<Arc<Admin>>,
    Act(operator): Act,
) -> Result<(StatusCode, Json<Reloaded>), ApiError> {
    let Some(reloads) = &admin.reloads else {
        return Err(ApiError::not_found("nothing reloads this gate"));
    };
    operator.log("reload", "configuration");
    // A gate that drains keeps its configuration.
    let reloaded = if admin.gate.stage() > Stage::Serving {
        None
    } else {
        reloads.reload().await
    };
    let reloaded = reloaded.ok_or_else(|| {
        let detail = "the gate drains, or too many clients request a reload";
        ApiError::unavailable("no-reload", detail)
    })?;
    let status = if reloaded.in_force {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    Ok((status, Json(reloaded)))
}
