//! Responses without an end, such as the event stream. They have a limit of their own: neither can
//! they lock out Prometheus, nor can new connections evict them.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::AdminConnection;
use crate::admin::api::problem::ApiError;

/// The limit of open streams.
const MAX: usize = 32;

/// The streams that may still be opened.
#[derive(Debug, Clone)]
pub(crate) struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX)))
    }
}

/// The right to send a response without an end. A handler extracts it, and the body of its response
/// owns it.
#[derive(Debug)]
pub(crate) struct StreamSlot {
    connection: Arc<AdminConnection>,
    _permit: OwnedSemaphorePermit,
}

impl<S: Sync> FromRequestParts<S> for StreamSlot {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let connection = parts.extensions.get::<Arc<AdminConnection>>();
        let connection = connection.cloned().ok_or_else(ApiError::internal)?;
        let streams = parts.extensions.get::<Streams>();
        let streams = streams.cloned().ok_or_else(ApiError::internal)?;
        let permit = streams.0.try_acquire_owned().map_err(|_| {
            let detail = format!("{MAX} streams are open, which is the limit");
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-streams", detail)
        })?;
        connection.set_stream(true);
        Ok(Self {
            connection,
            _permit: permit,
        })
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.connection.set_stream(false);
    }
}
