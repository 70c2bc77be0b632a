//! The queues that an event goes to.

use std::sync::Arc;

use tower_cartgate::EventKind;

use crate::{delivery::event::Subscribers, endpoint::Durable};

/// Returns the queues of an endpoint that want events of this kind.
pub(super) fn subscribers(durable: &Durable, kind: EventKind) -> Subscribers {
    if !durable.permitted.is_empty() && !durable.permitted.contains(&kind) {
        return Subscribers::None(Subscribers::KIND_NOT_PERMITTED);
    }
    let queues = durable.queues.iter().filter(|queue| queue.wants(kind));
    let queues: Vec<_> = queues
        .map(|queue| Arc::clone(&queue.destination.name))
        .collect();
    if queues.is_empty() {
        Subscribers::None(Subscribers::NO_SUBSCRIBER)
    } else {
        Subscribers::Queues(queues)
    }
}
