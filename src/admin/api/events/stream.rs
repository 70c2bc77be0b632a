//! The response to one client of the event stream.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, header::CONTENT_TYPE};

use crate::{
    admin::{api::problem::ApiError, gate::Admin, guard::Evidence, server::streams::StreamSlot},
    proxy::recorder::{RowId, Viewer},
};

/// The header with which a client resumes.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The header that keeps nginx from holding events back.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The beginning of each stream: the milliseconds after which a client comes again.
const GREETING: Bytes = Bytes::from_static(b"retry: 1000\n\n");

/// The state of a stream.
struct EventStream {
    greeting: Option<Bytes>,
    viewer: Viewer,
    admin: Arc<Admin>,
    evidence: Arc<Evidence>,
    _slot: StreamSlot,
}

pub(super) async fn events(
    State(admin): State<Arc<Admin>>,
    slot: StreamSlot,
    Extension(evidence): Extension<Arc<Evidence>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let viewer = Viewer::join(&admin.gate.recorder, last_event(&headers));
    let viewer = viewer.ok_or_else(|| ApiError::unavailable("draining", "the gate is ending"))?;
    let events = EventStream {
        greeting: Some(GREETING),
        viewer,
        admin,
        evidence,
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
        // Something comes each second, so the stream of a client without rights ends soon.
        let bytes = self.viewer.next().await?;
        self.evidence.holds(&self.admin).then_some(bytes)
    }
}

/// Returns the last row that the client has. Any other text means that it has none.
fn last_event(headers: &HeaderMap) -> Option<RowId> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}
