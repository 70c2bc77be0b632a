//! The state of the admin listeners, which all of their connections share.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use super::{
    access::Credentials,
    front_door::{FrontDoor, FrontDoorClient},
    reload_channel::ReloadHandle,
    server::streams::Streams,
};
use crate::{
    inbox::{
        operations::{Destinations, Jobs, Operations},
        routes::Routes,
    },
    net::listener::ListenAddress,
    proxy::shared::Shared,
    runtime::background::{ThreadError, run_on_thread},
};

/// A gate as its operators see it.
pub(crate) struct Admin {
    /// The state that the workers share: configuration, metrics, inbox.
    pub(crate) gate: Arc<Shared>,
    /// The jobs on stored events; none if the gate has no inbox.
    pub(crate) jobs: Option<Jobs>,
    /// Carries reload requests; none if nothing reloads the gate.
    pub(crate) reloads: Option<ReloadHandle>,
    /// Sends deliveries to the gate itself.
    pub(crate) front_door: FrontDoorClient,
    /// Identifies this process: positions in its event stream mean nothing to another one.
    pub(crate) instance: Uuid,
    pub(super) credentials: Arc<Credentials>,
    pub(super) streams: Streams,
    /// The TCP addresses of the admin listeners.
    pub(super) addresses: Vec<SocketAddr>,
    /// The addresses of the listeners for deliveries.
    pub(super) public: Vec<ListenAddress>,
    /// Held while a page is rendered, so that clients that ask in a loop use at most one core.
    rendering: Arc<Mutex<()>>,
    /// Held while saved rejections are judged, for the same reason.
    pub(super) judging: Arc<Mutex<()>>,
}

/// The parts of a gate that its admin listeners use.
pub(crate) struct AdminParts {
    pub(crate) gate: Arc<Shared>,
    /// The routes of stored events in force.
    pub(crate) routes: watch::Receiver<Arc<Routes>>,
    pub(crate) reloads: Option<ReloadHandle>,
    pub(crate) front_door: Arc<dyn FrontDoor>,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) public: Vec<ListenAddress>,
}

impl Admin {
    /// Returns the state of the admin listeners of a gate.
    pub(crate) fn new(parts: AdminParts) -> Arc<Self> {
        let AdminParts {
            gate,
            routes,
            reloads,
            front_door,
            credentials,
            addresses,
            public,
        } = parts;
        let jobs = gate.inbox.as_ref().map(|inbox| {
            let destinations = Destinations::InForce(routes);
            Jobs::new(Operations::new(Arc::clone(inbox), destinations))
        });
        Arc::new(Self {
            instance: gate.recorder.instance(),
            gate,
            jobs,
            reloads,
            front_door: FrontDoorClient::new(front_door),
            public,
            credentials,
            streams: Streams::default(),
            addresses,
            rendering: Arc::default(),
            judging: Arc::default(),
        })
    }

    /// Renders a page on a separate thread, because this one accepts connections and a page of a
    /// thousand endpoints takes long. Renders it here if no thread can start.
    pub(super) async fn render<T: Send + 'static>(
        &self,
        render: fn(&Arc<Shared>) -> Option<T>,
    ) -> Option<T> {
        // The look into the inbox is a query, so it precedes the lock.
        if let Some(inbox) = &self.gate.inbox {
            inbox.refresh_meter().await;
        }
        let turn = Arc::clone(&self.rendering).lock_owned().await;
        let gate = Arc::clone(&self.gate);
        let work = move || {
            // The thread goes on when the client leaves.
            let _turn = turn;
            render(&gate)
        };
        match run_on_thread(work).await {
            Ok(page) => page,
            Err(ThreadError::NoThread { work, .. }) => work(),
            Err(ThreadError::Panicked) => None,
        }
    }
}
