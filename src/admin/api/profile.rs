//! `/api/v1/profile`: the profiles of the endpoints, learned from verified deliveries.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use http::StatusCode;

use super::problem::ApiError;
use crate::{
    admin::{
        access::{Act, Look},
        gate::Admin,
    },
    endpoint::{Endpoint, Target},
    profile::view::{EndpointView, ProfileView},
    proxy::shared::Shared,
};

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/profile", get(list))
        .route("/profile/{endpoint}/accept", post(accept))
}

/// Returns the profile of each configured endpoint.
async fn list(State(admin): State<Arc<Admin>>, _: Look) -> Result<Json<ProfileView>, ApiError> {
    let view = admin.render(|gate| Some(view(gate))).await;
    view.map(Json).ok_or_else(ApiError::internal)
}

/// Accepts the shape of an endpoint's last payloads: a missing pointer is no problem any more.
/// Returns the endpoint's profile.
async fn accept(
    State(admin): State<Arc<Admin>>,
    Act(operator): Act,
    Path(name): Path<String>,
) -> Result<Json<EndpointView>, ApiError> {
    let gate = &admin.gate;
    let config = gate.config();
    let mut endpoints = config.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| *endpoint.name == *name);
    let endpoint = endpoint.ok_or_else(|| {
        let detail = "the configuration has no endpoint of this name";
        ApiError::new(StatusCode::NOT_FOUND, "unknown-endpoint", detail)
    })?;
    // Another gate may have learned more, and this one would overrule it.
    synchronize(gate).await;
    let ended = gate.profiler.accept(&endpoint.name);
    operator.log(
        "accept-profile",
        format_args!("endpoint {name}, {ended} missing pointers"),
    );
    synchronize(gate).await;
    let view = gate.profiler.endpoint(&endpoint.name, is_durable(endpoint));
    Ok(Json(view))
}

/// Exchanges the profiles with the store. One that fails gets them a minute later.
async fn synchronize(gate: &Shared) {
    if let Err(error) = gate.synchronize_profiles(false).await {
        tracing::warn!(%error, "profiles not stored");
    }
}

fn view(gate: &Shared) -> ProfileView {
    let config = gate.config();
    let endpoints = config.endpoints.iter();
    let endpoints = endpoints.map(|endpoint| (&*endpoint.name, is_durable(endpoint)));
    gate.profiler.view(endpoints)
}

fn is_durable(endpoint: &Endpoint) -> bool {
    matches!(endpoint.target, Target::Durable(_))
}
