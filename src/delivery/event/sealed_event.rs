//! An event as it is stored.

use std::sync::Arc;

use bytes::Bytes;
use tower_cartgate::EventKind;
use uuid::Uuid;

use crate::runtime::clock::Millis;

/// The facts about an event beside its head and its body.
#[derive(Debug, Clone)]
pub(crate) struct EventMetadata {
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    pub(crate) kind: EventKind,
    pub(crate) received: Millis,
}

/// An event as a store writes and reads it.
#[derive(Debug, Clone)]
pub(crate) struct SealedEvent {
    /// The delivery's id, a UUID of version 7, which grows with time.
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    pub(crate) kind: EventKind,
    /// The time of the verification.
    pub(crate) received: Millis,
    /// The encoded head, encrypted if encryption is configured.
    pub(crate) head: Bytes,
    /// The seal over id, endpoint, kind, time, head and digest.
    pub(crate) seal: [u8; 32],
    /// A keyed digest of endpoint and body. Copies have equal digests, and nobody can guess a
    /// payload by one.
    pub(crate) digest: [u8; 32],
    /// The body, encrypted if encryption is configured.
    pub(crate) body: Bytes,
}
