//! The console at `/`: its page (`assets`), and the sessions of browsers (`login`).
//!
//! The page holds nothing confidential and asks the API for everything, so it needs no session.

mod assets;
mod enabled;
mod login;

use std::sync::Arc;

use axum::Router;

use super::gate::Admin;

/// Returns the routes of the console. Without a console they respond 404.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().merge(assets::routes()).merge(login::routes())
}
