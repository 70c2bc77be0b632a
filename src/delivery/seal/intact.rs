//! The proof that a stored event is intact.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use tower_cartgate::EventKind;
use uuid::Uuid;

use crate::delivery::{event::SealedEvent, head::Head};

/// A stored event whose seal held: bit by bit the event that was verified when it was received.
pub(crate) struct Intact {
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    pub(crate) kind: EventKind,
    head: Head,
    body: Bytes,
}

impl Intact {
    /// Makes the proof, for an event whose seal the sealer has checked.
    pub(super) fn new(event: &SealedEvent, head: Head, body: Bytes) -> Self {
        Self {
            id: event.id,
            endpoint: Arc::clone(&event.endpoint),
            kind: event.kind,
            head,
            body,
        }
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    pub(crate) fn into_parts(self) -> (Head, Bytes) {
        (self.head, self.body)
    }
}

impl fmt::Debug for Intact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intact")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("kind", &self.kind)
            .field("len", &self.body.len())
            .finish_non_exhaustive()
    }
}
