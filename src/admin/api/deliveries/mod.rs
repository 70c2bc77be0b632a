//! `/api/v1/deliveries`: recent deliveries from the recorder, and one delivery with all that the
//! gate has of it.

mod curl;
mod curl_line;
mod list;
mod show;
mod stored;

use std::sync::Arc;

use axum::{Router, routing::get};

use crate::admin::gate::Admin;

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/deliveries", get(list::list))
        .route("/deliveries/{id}", get(show::show))
        .route("/deliveries/{id}/curl", get(curl::curl))
}
