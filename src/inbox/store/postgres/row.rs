//! Reads rows. Anyone who can write to the database can put any value into them, so a value that no
//! gate writes gets a substitute that fails the check of the seal: the delivery is quarantined
//! instead of blocking its queue.

use bytes::Bytes;
use tokio_postgres::{Row, types::FromSql};
use tower_cartgate::EventKind;

use crate::{
    delivery::event::{DeliveryState, SealedEvent},
    inbox::store::{delivery_row::DeliveryRow, sql},
};

/// The columns that [`event`] reads, of the tables `e` and `b`.
macro_rules! event_columns {
    () => {
        "e.id, e.endpoint, e.kind, e.received, e.head, e.seal, b.digest, b.bytes"
    };
}
pub(super) use event_columns;

pub(super) fn event(row: &Row) -> SealedEvent {
    let kind: &str = row.get("kind");
    SealedEvent {
        id: row.get("id"),
        endpoint: row.get::<_, &str>("endpoint").into(),
        kind: kind.parse().unwrap_or(EventKind::Other),
        received: row.get("received"),
        head: bytes(row, "head"),
        seal: digest(row, "seal"),
        digest: digest(row, "digest"),
        body: bytes(row, "bytes"),
    }
}

/// The columns that [`delivery`] reads, of the tables `d`, `e` and `b`.
pub(super) const DELIVERY: &str = "d.event, d.queue, d.state, d.attempts, d.due, d.last, d.status, d.reason, d.response, \
    e.endpoint, e.kind, e.received, e.copy, b.seen, b.first_received, octet_length(b.bytes) AS size, \
    d.seal AS delivery_seal";

/// Reads a delivery for a list.
pub(super) fn delivery(row: &Row) -> DeliveryRow {
    let state = state(row);
    DeliveryRow {
        event: row.get("event"),
        endpoint: row.get("endpoint"),
        queue: row.get("queue"),
        kind: row.get("kind"),
        state,
        received: row.get("received"),
        attempts: number::<i32, _>(row, "attempts"),
        due: (state == DeliveryState::Pending).then(|| row.get("due")),
        last: row.get("last"),
        status: row
            .get::<_, Option<i32>>("status")
            .and_then(|status| status.try_into().ok()),
        reason: row.get("reason"),
        stored_response: row.get("response"),
        copy: number::<i64, _>(row, "copy"),
        seen: number::<i64, _>(row, "seen"),
        first_received: row.get("first_received"),
        size: number::<i32, _>(row, "size"),
        seal: row.get("delivery_seal"),
    }
}

pub(super) fn state(row: &Row) -> DeliveryState {
    sql::state(row.get::<_, i16>("state").into())
}

/// Reads an unsigned number. A number out of its range becomes zero.
pub(super) fn number<'a, S: FromSql<'a>, N: TryFrom<S> + Default>(row: &'a Row, column: &str) -> N {
    N::try_from(row.get(column)).unwrap_or_default()
}

/// Reads a digest. Any other value becomes all zeros, which no seal is.
pub(super) fn digest(row: &Row, column: &str) -> [u8; 32] {
    to_digest(row.get(column))
}

/// Reads a digest that may be null.
pub(super) fn optional_digest(row: &Row, column: &str) -> Option<[u8; 32]> {
    row.get::<_, Option<&[u8]>>(column).map(to_digest)
}

fn to_digest(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().unwrap_or_default()
}

fn bytes(row: &Row, column: &str) -> Bytes {
    Bytes::copy_from_slice(row.get(column))
}
