//! Whether the gate has a console.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::{
    admin::{api::problem::ApiError, gate::Admin},
    proxy::config::admin::ConsoleMode,
};

/// The proof that the console is not off. Each of its handlers extracts it.
pub(super) struct Enabled;

impl FromRequestParts<Arc<Admin>> for Enabled {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, admin: &Arc<Admin>) -> Result<Self, ApiError> {
        let mode = admin.gate.with_config(|config| config.admin.console);
        if mode == ConsoleMode::Off {
            return Err(ApiError::unknown_path());
        }
        Ok(Self)
    }
}
