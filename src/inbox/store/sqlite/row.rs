//! Reads rows. Anyone who can write to the file can put any value into them, so a value that cannot
//! be read gets a substitute that fails the check of the seal.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row, types::ValueRef};
use uuid::Uuid;

use crate::{
    delivery::event::{DeliveryState, SealedEvent},
    inbox::store::{delivery_row::DeliveryRow, sql},
    runtime::clock::Millis,
};

/// An event, with its place among the copies of its body.
pub(super) struct StoredEvent {
    pub(super) event: SealedEvent,
    pub(super) copy: u32,
    pub(super) first_received: Millis,
}

/// Reads an event. Returns `None` if it is missing, or has a value that no gate writes.
pub(super) fn event(db: &Connection, id: Uuid) -> rusqlite::Result<Option<StoredEvent>> {
    db.prepare_cached(
        "SELECT e.endpoint, e.kind, e.received, e.head, e.seal, b.digest, c.bytes, e.copy, b.first_received
         FROM event AS e JOIN body AS b ON b.id = e.body JOIN content AS c ON c.body = e.body
         WHERE e.id = ?",
    )?
    .query_row([id.as_bytes()], |row| Ok(stored_event(id, row)))
    .optional()
    .map(Option::flatten)
}

fn stored_event(id: Uuid, row: &Row<'_>) -> Option<StoredEvent> {
    let bytes = |column| {
        let bytes = row.get_ref(column).ok()?.as_blob().ok()?;
        Some(Bytes::copy_from_slice(bytes))
    };
    let text = |column| row.get_ref(column).ok()?.as_str().ok();
    let event = SealedEvent {
        id,
        endpoint: Arc::from(text(0)?),
        kind: text(1)?.parse().ok()?,
        received: row.get(2).ok()?,
        head: bytes(3)?,
        seal: row.get(4).ok()?,
        digest: row.get(5).ok()?,
        body: bytes(6)?,
    };
    Some(StoredEvent {
        event,
        copy: number(row, 7).ok()?,
        first_received: row.get(8).ok()?,
    })
}

/// The columns that [`delivery`] reads, of the tables `d`, `e` and `b`.
pub(super) const DELIVERY: &str =
    "d.event, e.endpoint, d.queue, e.kind, d.state, e.received, d.attempts, d.due, d.last,
     d.status, d.reason, e.copy, b.seen, b.first_received,
     (SELECT length(bytes) FROM content WHERE body = b.id), d.seal, d.response";

/// Reads a delivery for a list.
pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let state = state(row, 4)?;
    Ok(DeliveryRow {
        event: Uuid::from_bytes(row.get(0)?),
        endpoint: text(row, 1)?,
        queue: text(row, 2)?,
        kind: text(row, 3)?,
        state,
        received: row.get(5)?,
        attempts: number(row, 6)?,
        due: (state == DeliveryState::Pending)
            .then(|| row.get(7))
            .transpose()?,
        last: row.get(8)?,
        status: row
            .get::<_, Option<i64>>(9)?
            .and_then(|status| status.try_into().ok()),
        reason: row.get(10)?,
        stored_response: row.get(16)?,
        copy: number(row, 11)?,
        seen: number(row, 12)?,
        first_received: row.get(13)?,
        size: number(row, 14)?,
        seal: row.get(15)?,
    })
}

pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<DeliveryState> {
    row.get(column).map(sql::state)
}

/// Reads a digest. Any other value becomes all zeros, which no seal is.
pub(super) fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; 32]> {
    let bytes = row.get_ref(column)?.as_blob().unwrap_or_default();
    Ok(bytes.try_into().unwrap_or_default())
}

/// Reads an unsigned number. A number out of its range becomes zero.
pub(super) fn number<N: TryFrom<i64> + Default>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<N> {
    Ok(N::try_from(row.get(column)?).unwrap_or_default())
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    })
}
