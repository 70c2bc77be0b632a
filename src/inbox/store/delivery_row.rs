//! A delivery as a list shows it, and the position in such a list.

use uuid::Uuid;

use crate::{delivery::event::DeliveryState, runtime::clock::Millis};

/// A delivery without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryRow {
    pub(crate) event: Uuid,
    pub(crate) endpoint: String,
    /// The destination's name. Empty if no destination subscribes to the event.
    pub(crate) queue: String,
    pub(crate) kind: String,
    pub(crate) state: DeliveryState,
    pub(crate) received: Millis,
    pub(crate) attempts: u32,
    /// The next attempt of a pending delivery.
    pub(crate) due: Option<Millis>,
    /// When the last attempt, or the delivery, ended.
    pub(crate) last: Option<Millis>,
    pub(crate) status: Option<u16>,
    pub(crate) reason: Option<String>,
    /// The first line of the response to the last failed attempt, as stored, for the sealer to
    /// decrypt.
    pub(crate) stored_response: Option<Vec<u8>>,
    /// The number of earlier events with the same body.
    pub(crate) copy: u32,
    /// The number of all events with the same body.
    pub(crate) seen: u32,
    pub(crate) first_received: Millis,
    /// Bytes of the body as stored.
    pub(crate) size: u64,
    /// The delivery's own seal, for the check of its integrity. Never shown.
    pub(crate) seal: Vec<u8>,
}

/// The last delivery of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) event: Uuid,
    pub(crate) queue: String,
}

impl From<&DeliveryRow> for Cursor {
    fn from(row: &DeliveryRow) -> Self {
        Self {
            event: row.event,
            queue: row.queue.clone(),
        }
    }
}
