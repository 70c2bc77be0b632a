//! Where the verified deliveries of an endpoint go on to: straight to one destination, whose answer goes back, or into the
//! inbox.

use std::sync::Arc;

use tower_cartgate::{EventKind, Pointer};

use crate::{destination::Destination, inbox::Queue};

/// What becomes of an endpoint's verified deliveries.
#[derive(Debug, Clone)]
pub enum Target {
    /// Handed to the one destination at once.
    Direct(Arc<Destination>),
    /// Stored first.
    Durable(Durable),
}

/// What is kept of an endpoint's deliveries, and for whom.
#[derive(Debug, Clone)]
pub struct Durable {
    /// Where events go that are wanted there.
    pub queues: Vec<Arc<Queue>>,
    /// Kinds that the endpoint is open for; all, if none is named. Others are kept as dead letters: the endpoint's event rule
    /// permits every kind, since a refusal would have them sent again for ever.
    pub permitted: Vec<EventKind>,
    /// Where the payload has a value that no other event's has: a second one with it is dropped.
    pub unique: Option<Pointer>,
}

impl Target {
    /// All destinations.
    pub fn destinations(&self) -> impl Iterator<Item = &Arc<Destination>> {
        let (direct, queues) = match self {
            Self::Direct(destination) => (Some(destination), None),
            Self::Durable(durable) => (None, Some(&durable.queues)),
        };
        let durable = queues.into_iter().flatten().map(|queue| &queue.destination);
        direct.into_iter().chain(durable)
    }
}
