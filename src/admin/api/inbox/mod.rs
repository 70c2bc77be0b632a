//! `/api/v1/inbox`: stored events and their deliveries, and jobs on them.

mod backups;
mod deliveries;
mod error;
mod events;
mod jobs;
mod own_inbox;
mod stats;

use std::sync::Arc;

use axum::Router;

use crate::admin::gate::Admin;

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .merge(backups::routes())
        .merge(deliveries::routes())
        .merge(events::routes())
        .merge(jobs::routes())
        .merge(stats::routes())
}
