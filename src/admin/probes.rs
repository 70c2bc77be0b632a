//! The pages for load balancers and Prometheus: `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header::CONTENT_TYPE};

use super::{access::AnyOperator, api::problem::ApiError, gate::Admin, metrics};

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(show_metrics))
}

/// Reports whether the gate is ready, or why not.
async fn ready(State(admin): State<Arc<Admin>>) -> (StatusCode, String) {
    match admin.gate.unready() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

/// Returns the metrics. They need a token only if the configuration has one, because Prometheus
/// cannot know the token that a gate makes at its start.
async fn show_metrics(
    State(admin): State<Arc<Admin>>,
    AnyOperator(operator): AnyOperator,
) -> Result<Response, ApiError> {
    let is_protected = admin
        .gate
        .with_config(|config| config.admin.token.is_some());
    if is_protected && operator.is_none() {
        return Err(ApiError::unauthorized());
    }
    let text = admin.render(|gate| metrics::text(gate).ok()).await;
    let text = text.ok_or_else(ApiError::internal)?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}
