//! The response to one client of the event stream.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, header::CONTENT_TYPE};
use tokio::time::{Instant, timeout_at};

use crate::{
    admin::{api::problem::ApiError, gate::Admin, server::streams::StreamSlot},
    proxy::recorder::{RowId, Viewer},
};

/// The header with which a client resumes.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The header that keeps nginx from holding events back.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The limit of a stream's time. A client that has lost its rights meanwhile, because the token was
/// replaced or its session is over, cannot come again; others resume where they were.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The beginning of each stream: the milliseconds after which a client comes again.
const GREETING: Bytes = Bytes::from_static(b"retry: 1000\n\n");

/// The state of a stream.
struct EventStream {
    greeting: Option<Bytes>,
    viewer: Viewer,
    ends: Instant,
    _slot: StreamSlot,
}

pub(super) async fn events(
    State(admin): State<Arc<Admin>>,
    slot: StreamSlot,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let viewer = Viewer::join(&admin.gate.recorder, last_event(&headers));
    let viewer = viewer.ok_or_else(|| ApiError::unavailable("draining", "the gate is ending"))?;
    let events = EventStream {
        greeting: Some(GREETING),
        viewer,
        ends: Instant::now() + LIFETIME,
        _slot: slot,
    };
    let body = stream::unfold(events, async |mut events| {
        let bytes = events.next().await?;
        Some((Ok::<_, Infallible>(bytes), events))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (BUFFERING, "no")];
    Ok((headers, Body::from_stream(body)).into_response())
}

impl EventStream {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        timeout_at(self.ends, self.viewer.next()).await.ok()?
    }
}

/// Returns the last row that the client has. Any other text means that it has none.
fn last_event(headers: &HeaderMap) -> Option<RowId> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}
