//! Reload requests. The admin listener sends them to the task that also reloads at SIGHUP, and
//! waits for the result.

use std::{future::pending, sync::Arc};

use tokio::sync::{Notify, mpsc, oneshot};

use super::status::Reloaded;

/// The limit of waiting requests. One reload serves all of them, so the queue is usually empty.
const QUEUE: usize = 64;

/// Opens the channel between the clients that request a reload and the task that reloads.
#[must_use]
pub fn reload_channel() -> (ReloadHandle, ReloadRequests) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let in_force = Arc::<Notify>::default();
    let handle = ReloadHandle {
        requests: sender,
        in_force: Arc::clone(&in_force),
    };
    let requests = ReloadRequests {
        requests: receiver,
        in_force,
    };
    (handle, requests)
}

/// Requests reloads. The gate also reports here that a configuration is in force.
#[derive(Debug, Clone)]
pub struct ReloadHandle {
    requests: mpsc::Sender<oneshot::Sender<Reloaded>>,
    in_force: Arc<Notify>,
}

impl ReloadHandle {
    /// Requests a reload and returns its result. Returns none if the queue is full or no task
    /// reloads.
    pub(crate) async fn reload(&self) -> Option<Reloaded> {
        let (sender, result) = oneshot::channel();
        self.requests.try_send(sender).ok()?;
        result.await.ok()
    }

    /// Reports that the latest configuration is in force.
    pub(crate) fn report_in_force(&self) {
        self.in_force.notify_one();
    }
}

/// Receives the requests, for the task that reloads.
#[derive(Debug)]
pub struct ReloadRequests {
    requests: mpsc::Receiver<oneshot::Sender<Reloaded>>,
    in_force: Arc<Notify>,
}

impl ReloadRequests {
    /// Waits for a request.
    pub async fn recv(&mut self) -> oneshot::Sender<Reloaded> {
        match self.requests.recv().await {
            Some(request) => request,
            None => pending().await,
        }
    }

    /// Takes all waiting requests, which the reload that begins now serves as well.
    #[must_use]
    pub fn queued(&mut self) -> Vec<oneshot::Sender<Reloaded>> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }

    /// Waits until the gate reports that the latest configuration is in force.
    pub async fn in_force(&self) {
        self.in_force.notified().await;
    }
}
