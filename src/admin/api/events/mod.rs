//! `/api/v1/events`: the event stream (`text/event-stream`).
//!
//! `stream` is the response to one client. The recorder sends the deliveries, causes and rates, and
//! `reports` the changes of the inbox and of the gate's readiness.

pub(crate) mod reports;
mod stream;

use std::sync::Arc;

use axum::{Router, routing::get};

use crate::admin::gate::Admin;

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/events", get(stream::events))
}
