//! The context of one request: facts that hold from its head to its end.

use std::sync::Arc;

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
pub(crate) struct RequestContext<'c> {
    /// The id in the log, in the response and toward the destination.
    pub(crate) id: Uuid,
    /// The client, or the proxy in front of the gate.
    pub(crate) peer: Peer,
    /// The turn in which the head was complete, or when it began to arrive if it never was.
    pub(crate) begun: Instant,
    pub(crate) shared: &'c Arc<Shared>,
    /// The configuration that applies to the request.
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) connection: &'c Arc<ConnectionState>,
}

impl<'c> RequestContext<'c> {
    /// Makes the context of a new request.
    pub(crate) fn new(
        shared: &'c Arc<Shared>,
        peer: Peer,
        connection: &'c Arc<ConnectionState>,
        begun: Instant,
    ) -> Self {
        Self {
            id: new_id(),
            peer,
            begun,
            shared,
            snapshot: shared.config(),
            connection,
        }
    }

    /// Returns the origin of the request's delivery.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            id: self.id,
            peer: self.peer,
            scheme: self.connection.scheme(),
            trusted: self.snapshot.trusted_hops.trusts(&self.peer),
            late: false,
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

/// A request whose endpoint is known, for steps that outlive its connection.
#[derive(Debug, Clone)]
pub(crate) struct EndpointContext {
    pub(crate) id: Uuid,
    pub(crate) shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
    /// The index of the endpoint in the snapshot.
    index: usize,
}

impl EndpointContext {
    /// Returns the context of a request to the endpoint at `index`.
    pub(crate) fn new(request: &RequestContext<'_>, index: usize) -> Self {
        Self {
            id: request.id,
            shared: Arc::clone(request.shared),
            snapshot: Arc::clone(&request.snapshot),
            index,
        }
    }

    /// Returns the context of a late delivery to the endpoint at `index`.
    pub(crate) fn late(
        id: Uuid,
        shared: &Arc<Shared>,
        snapshot: &Arc<Snapshot>,
        index: usize,
    ) -> Self {
        Self {
            id,
            shared: Arc::clone(shared),
            snapshot: Arc::clone(snapshot),
            index,
        }
    }

    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        self.snapshot.endpoint(self.index)
    }

    pub(crate) fn meter(&self) -> &Meter {
        self.snapshot.meter(self.index)
    }
}
