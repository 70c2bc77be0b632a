//! `/api/v1/config`: the configuration in force, as `cartgate check --show` prints it.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use serde::Serialize;

use crate::admin::{access::Look, gate::Admin, report};

/// The configuration in force.
#[derive(Debug, Serialize)]
struct Shown {
    /// A file with every default. Secrets are named by their places.
    toml: String,
    /// The time since which it is in force.
    since: u64,
}

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/config", get(show))
}

async fn show(_: Look, State(admin): State<Arc<Admin>>) -> Json<Shown> {
    let gate = &admin.gate;
    Json(Shown {
        toml: gate.with_config(|config| config.shown.to_string()),
        since: report::seconds(gate.metrics.in_force_since()),
    })
}
