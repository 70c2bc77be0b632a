//! The API under `/api/v1`: one file per resource, each with its routes.
//!
//! A handler takes `State<Arc<Admin>>` and returns JSON or an `ApiError`. The layer around all of
//! them demands an operator, and for every method but GET and HEAD one who may act; a GET that acts
//! extracts `Act` itself. `tests/it/admin/openapi.rs` reads the `.route(…)` calls of these files
//! and compares them with `docs/openapi.json`.

mod config;
mod deliveries;
mod destinations;
mod endpoints;
pub(super) mod events;
mod inbox;
pub(super) mod links;
mod page;
pub(super) mod problem;
mod profile;
mod rejected;
mod reload;
mod secrets;
mod status;
mod test_delivery;

use std::sync::Arc;

use axum::{Router, middleware};

use self::problem::ApiError;
use super::{access::require_operator, gate::Admin};

/// Returns the routes of the API, relative to `/api/v1`.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .merge(config::routes())
        .merge(deliveries::routes())
        .merge(destinations::routes())
        .merge(endpoints::routes())
        .merge(events::routes())
        .merge(inbox::routes())
        .merge(links::routes())
        .merge(profile::routes())
        .merge(rejected::routes())
        .merge(reload::routes())
        .merge(secrets::routes())
        .merge(status::routes())
        .merge(test_delivery::routes())
        .fallback(async || ApiError::unknown_path())
        .layer(middleware::map_response(problem::describe))
        .layer(middleware::from_fn(require_operator))
}
