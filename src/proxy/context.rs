//! The context of one request: facts that hold from its head to its end.

use std::sync::Arc;

use http::Extensions;
use tokio::time::Instant;
use uuid::{ContextV7, Timestamp, Uuid};

use crate::{
    delivery::{SharedMemory, origin::Origin},
    endpoint::Endpoint,
    net::peer::Peer,
    proxy::{
        admission::HeldMemory, meters::endpoint::Meter, shared::Shared, snapshot::Snapshot,
        state::ConnectionState,
    },
};

/// The context of a request. It never changes.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// The id in the log, in the response and toward the destination.
    pub(crate) id: Uuid,
    /// The client, or the proxy in front of the gate.
    pub(crate) peer: Peer,
    /// When the head had been read, or began to arrive if it was never complete.
    pub(crate) begun: Instant,
    pub(crate) shared: Arc<Shared>,
    /// The configuration that applies to the request.
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) connection: Arc<ConnectionState>,
}

impl RequestContext {
    /// Makes the context of a new request.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        peer: Peer,
        connection: &Arc<ConnectionState>,
        begun: Instant,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: new_id(),
            peer,
            begun,
            shared: Arc::clone(shared),
            snapshot: shared.config(),
            connection: Arc::clone(connection),
        })
    }

    /// Returns the origin of the request's delivery.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            id: self.id,
            peer: self.peer,
            scheme: self.connection.scheme(),
            trusted: self.snapshot.trusted_hops.trusts(&self.peer),
        }
    }

    /// Takes over the memory that the complete body holds. Small bodies hold none, and so cost no
    /// allocation here.
    pub(crate) fn take_memory(&self) -> Box<dyn Send> {
        match self.connection.take_claimed() {
            0 => Box::new(()),
            bytes => Box::new(HeldMemory::new(&self.shared.memory, bytes)),
        }
    }

    /// Takes over the memory that the complete body holds, for several owners.
    pub(crate) fn share_memory(&self) -> SharedMemory {
        match self.connection.take_claimed() {
            0 => None,
            bytes => Some(Arc::new(HeldMemory::new(&self.shared.memory, bytes))),
        }
    }
}

thread_local! {
    /// Counts the ids within a millisecond. Each worker has its own counter; a common one would
    /// need a lock.
    static IDS: ContextV7 = const { ContextV7::new() };
}

fn new_id() -> Uuid {
    IDS.with(|ids| Uuid::new_v7(Timestamp::now(ids)))
}

/// The context of a request whose endpoint is known. It travels in the request's extensions through
/// the verifying layer.
#[derive(Debug, Clone)]
pub(crate) struct EndpointContext {
    pub(crate) request: Arc<RequestContext>,
    /// The index of the endpoint in the snapshot.
    pub(crate) index: usize,
}

impl EndpointContext {
    /// Returns the context of a request in the verifying layer.
    pub(crate) fn of(extensions: &Extensions) -> &Self {
        let context = extensions.get();
        context.expect("the stack adds the endpoint before it verifies a request")
    }

    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        self.request.snapshot.endpoint(self.index)
    }

    pub(crate) fn meter(&self) -> &Meter {
        self.request.snapshot.meter(self.index)
    }
}
