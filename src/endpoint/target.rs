//! The target of an endpoint's verified deliveries: one destination, the inbox, or a proxy that
//! asks for the verdict and forwards the delivery itself.

use std::sync::Arc;

use tower_cartgate::{EventKind, Pointer};

use crate::{destination::Destination, inbox::Queue};

/// The target of verified deliveries.
#[derive(Debug, Clone)]
pub enum Target {
    /// Direct mode: the destination gets the delivery at once, and its response goes back.
    Direct(Arc<Destination>),
    /// Durable mode: the inbox stores the delivery first.
    Durable(Durable),
    /// Verdict mode: the response states the result of the verification, and the gate forwards
    /// nothing.
    Verdict,
}

/// The settings of a durable endpoint.
#[derive(Debug, Clone)]
pub struct Durable {
    /// The queues of its destinations. Each gets the events of its kinds.
    pub queues: Vec<Arc<Queue>>,
    /// The permitted kinds; every kind if the list is empty. Events of other kinds become dead
    /// letters. The endpoint's event rule permits every kind, since the sender would repeat a
    /// rejected event for ever.
    pub permitted: Vec<EventKind>,
    /// The place of the unique value in the payload. A second event with the same value is dropped.
    pub unique: Option<Pointer>,
}

impl Target {
    /// Returns all destinations.
    pub fn destinations(&self) -> impl Iterator<Item = &Arc<Destination>> {
        let (direct, queues) = match self {
            Self::Direct(destination) => (Some(destination), None),
            Self::Durable(durable) => (None, Some(&durable.queues)),
            Self::Verdict => (None, None),
        };
        let durable = queues.into_iter().flatten().map(|queue| &queue.destination);
        direct.into_iter().chain(durable)
    }
}
