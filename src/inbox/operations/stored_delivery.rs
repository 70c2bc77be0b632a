//! A delivery as lists show it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::time;
use crate::{
    delivery::{event::DeliveryState, seal::Sealer},
    inbox::store::DeliveryRow,
    runtime::clock::Millis,
};

/// A stored delivery without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredDelivery {
    /// The id of the event.
    pub(crate) id: Uuid,
    pub(crate) endpoint: String,
    /// Absent if no destination subscribes to the event.
    pub(crate) destination: Option<String>,
    pub(crate) kind: String,
    pub(crate) state: DeliveryState,
    #[serde(with = "time")]
    pub(crate) received: Millis,
    pub(crate) attempts: u32,
    /// The next attempt of a pending delivery.
    #[serde(with = "time::optional")]
    pub(crate) due: Option<Millis>,
    /// When the last attempt, or the delivery, ended.
    #[serde(with = "time::optional")]
    pub(crate) last: Option<Millis>,
    pub(crate) status: Option<u16>,
    pub(crate) reason: Option<String>,
    /// The first line of the response to the last failed attempt.
    pub(crate) response: Option<String>,
    /// The number of earlier events with the same body.
    pub(crate) copy: u32,
    /// The number of all events with the same body.
    pub(crate) seen: u32,
    #[serde(with = "time")]
    pub(crate) first_received: Millis,
    /// Bytes of the body as stored.
    pub(crate) size: u64,
}

impl StoredDelivery {
    /// Describes a row, with the response of its app if this process can decrypt it.
    pub(super) fn new(row: DeliveryRow, sealer: &Sealer) -> Self {
        let response = row.stored_response.as_deref();
        let response = response.and_then(|stored| sealer.read_note(stored));
        Self {
            id: row.event,
            endpoint: row.endpoint,
            destination: Some(row.queue).filter(|queue| !queue.is_empty()),
            kind: row.kind,
            state: row.state,
            received: row.received,
            attempts: row.attempts,
            due: row.due,
            last: row.last,
            status: row.status,
            reason: row.reason,
            response: response.map(|text| String::from_utf8_lossy(&text).into_owned()),
            copy: row.copy,
            seen: row.seen,
            first_received: row.first_received,
            size: row.size,
        }
    }
}
