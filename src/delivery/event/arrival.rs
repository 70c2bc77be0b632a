//! An event to store.

use std::sync::Arc;

use super::sealed_event::SealedEvent;

/// An event to store, with its subscribers.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) event: SealedEvent,
    pub(crate) subscribers: Subscribers,
    /// A keyed digest of the endpoint's `unique` value, unless the event has no value that
    /// identifies it.
    pub(crate) unique: Option<[u8; 32]>,
    /// Whether the event was rejected when it arrived. Its sender owes it, and may have sent it
    /// again, so the store keeps it only for destinations that lack its body.
    pub(crate) late: bool,
}

/// The queues that subscribe to an event.
#[derive(Debug, Clone)]
pub(crate) enum Subscribers {
    /// One or more queues.
    Queues(Vec<Arc<str>>),
    /// None, for this reason. The event becomes a dead letter without a destination.
    None(&'static str),
}

impl Subscribers {
    /// The reason if the endpoint does not permit events of this kind.
    pub(crate) const KIND_NOT_PERMITTED: &'static str = "kind-not-permitted";
    /// The reason if no destination subscribes to events of this kind.
    pub(crate) const NO_SUBSCRIBER: &'static str = "no-destination-wants-it";
}
