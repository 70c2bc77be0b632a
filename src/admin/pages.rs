//! The pages of the admin listener.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use tokio::sync::Mutex;

use super::{
    report,
    response::{self, JSON, TEXT, error},
};
use crate::{
    admin::{metrics, reload_channel::ReloadHandle},
    proxy::shared::{Shared, Stage},
    runtime::background::{ThreadError, run_on_thread},
};

/// The gate that the pages describe. All connections share it, on every admin address.
pub(crate) struct Pages {
    gate: Arc<Shared>,
    /// Held while a page is rendered, so that clients that ask in a loop use at most one core.
    rendering: Mutex<()>,
    reloads: Option<ReloadHandle>,
}

impl Pages {
    /// Returns the pages of a gate. Without `reloads` there is no `/reload`.
    pub(crate) fn new(gate: Arc<Shared>, reloads: Option<ReloadHandle>) -> Arc<Self> {
        Arc::new(Self {
            gate,
            rendering: Mutex::default(),
            reloads,
        })
    }

    pub(super) fn gate(&self) -> &Shared {
        &self.gate
    }

    pub(super) fn reloads(&self) -> Option<&ReloadHandle> {
        self.reloads.as_ref()
    }

    /// Returns whether the gate is ready, or why not.
    pub(super) fn ready(&self) -> Response<Full<Bytes>> {
        if self.gate.is_ready() {
            return response::ok(TEXT, "ready\n");
        }
        let reason = match self.gate.stage() {
            Stage::Serving => "inbox failed\n",
            Stage::Leaving | Stage::Closing => "draining\n",
        };
        response::new(StatusCode::SERVICE_UNAVAILABLE, TEXT, reason)
    }

    /// Returns the metrics.
    pub(super) async fn metrics(&self) -> Response<Full<Bytes>> {
        let text = self.render(|gate| metrics::text(gate).ok()).await;
        page(metrics::CONTENT_TYPE, text)
    }

    /// Returns the report for `cartgate status`.
    pub(super) async fn status(&self) -> Response<Full<Bytes>> {
        let render = |gate: &Arc<Shared>| serde_json::to_vec(&report::of(gate)).ok();
        page(JSON, self.render(render).await)
    }

    /// Renders a page on a separate thread, because this one accepts connections and a page of a
    /// thousand endpoints takes long. Renders it here if no thread can start.
    async fn render<T: Send + 'static>(&self, render: fn(&Arc<Shared>) -> Option<T>) -> Option<T> {
        // The look into the inbox is a query, so it precedes the lock.
        if let Some(inbox) = &self.gate.inbox {
            inbox.refresh_meter().await;
        }
        let _turn = self.rendering.lock().await;
        let gate = Arc::clone(&self.gate);
        match run_on_thread(move || render(&gate)).await {
            Ok(page) => page,
            Err(ThreadError::NoThread { work, .. }) => work(),
            Err(ThreadError::Panicked) => None,
        }
    }
}

fn page(content_type: &'static str, content: Option<impl Into<Bytes>>) -> Response<Full<Bytes>> {
    match content {
        Some(content) => response::ok(content_type, content),
        None => error(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
