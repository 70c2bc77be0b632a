//! Rows as they are read. Whoever has a hand in the file can write anything into them: what cannot be read is said to be so.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row, types::ValueRef};
use uuid::Uuid;

use crate::{
    delivery::event::{DeliveryState, SealedEvent},
    inbox::store::{DeliveryRow, sqlite::tx::number},
    runtime::clock::Millis,
};

/// An event with what is known of its body.
pub(super) struct Stored {
    pub(super) event: SealedEvent,
    pub(super) copy: u32,
    pub(super) first_received: Millis,
}

/// An event; none if it is not there, or not as any gate wrote it.
pub(super) fn event(db: &Connection, id: Uuid) -> rusqlite::Result<Option<Stored>> {
    db.prepare_cached(
        "SELECT e.endpoint, e.kind, e.received, e.head, e.seal, b.digest, c.bytes, e.copy, b.first_received
         FROM event AS e JOIN body AS b ON b.id = e.body JOIN content AS c ON c.body = e.body
         WHERE e.id = ?",
    )?
    .query_row([id.as_bytes()], |row| Ok(stored(id, row)))
    .optional()
    .map(Option::flatten)
}

fn stored(id: Uuid, row: &Row<'_>) -> Option<Stored> {
    let bytes = |column| {
        Some(Bytes::copy_from_slice(
            row.get_ref(column).ok()?.as_blob().ok()?,
        ))
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
    Some(Stored {
        event,
        copy: number(row, 7).ok()?,
        first_received: row.get(8).ok()?,
    })
}

/// The columns that [`listed`] reads, of tables `d`, `e` and `b`.
pub(super) const LISTED: &str =
    "d.event, e.endpoint, d.queue, e.kind, d.state, e.received, d.attempts, d.due, d.last,
     d.status, d.reason, e.copy, b.seen, b.first_received,
     (SELECT length(bytes) FROM content WHERE body = b.id), d.seal, d.response";

pub(super) fn listed(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
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
        response: None,
        stored_response: row.get(16)?,
        copy: number(row, 11)?,
        seen: number(row, 12)?,
        first_received: row.get(13)?,
        size: number(row, 14)?,
        seal: row.get(15)?,
    })
}

/// A state that no gate wrote is one that never leaves.
pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<DeliveryState> {
    Ok(match row.get(column)? {
        0 => DeliveryState::Pending,
        1 => DeliveryState::Delivered,
        2 => DeliveryState::Dead,
        _ => DeliveryState::Quarantined,
    })
}

/// A digest; all zeros where something else stands, which no seal is.
pub(super) fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; 32]> {
    let bytes = row.get_ref(column)?.as_blob().unwrap_or_default();
    Ok(bytes.try_into().unwrap_or_default())
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    })
}
