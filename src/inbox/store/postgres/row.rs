//! Rows as the inbox knows them. What a hand in the database has made impossible is read as something whose seal cannot
//! hold, so that it ends in quarantine instead of stopping a queue.

use bytes::Bytes;
use tokio_postgres::{Row, types::FromSql};
use tower_cartgate::EventKind;

use crate::{
    delivery::event::{DeliveryState, SealedEvent},
    inbox::store::DeliveryRow,
};

/// The columns of [`event`], of `e` and `b`.
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
        seal: fixed(row.get("seal")),
        digest: fixed(row.get("digest")),
        body: bytes(row, "bytes"),
    }
}

/// The columns of [`listed`], of `d`, `e` and `b`.
pub(super) const LISTED: &str = "d.event, d.queue, d.state, d.attempts, d.due, d.last, d.status, d.reason, d.response, \
    e.endpoint, e.kind, e.received, e.copy, b.seen, b.first_received, octet_length(b.bytes) AS size, \
    d.seal AS delivery_seal";

pub(super) fn listed(row: &Row) -> DeliveryRow {
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
        response: None,
        stored_response: row.get("response"),
        copy: number::<i64, _>(row, "copy"),
        seen: number::<i64, _>(row, "seen"),
        first_received: row.get("first_received"),
        size: number::<i32, _>(row, "size"),
        seal: row.get("delivery_seal"),
    }
}

/// A state that there is not is one that nobody delivers.
pub(super) fn state(row: &Row) -> DeliveryState {
    match row.get::<_, i16>("state") {
        0 => DeliveryState::Pending,
        1 => DeliveryState::Delivered,
        2 => DeliveryState::Dead,
        _ => DeliveryState::Quarantined,
    }
}

/// A number that is never below nothing, whatever stands there.
pub(super) fn number<'a, S: FromSql<'a>, N: TryFrom<S> + Default>(row: &'a Row, column: &str) -> N {
    N::try_from(row.get(column)).unwrap_or_default()
}

/// A digest; all zeros where something else stands, which no seal is.
pub(super) fn fixed(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().unwrap_or_default()
}

fn bytes(row: &Row, column: &str) -> Bytes {
    Bytes::copy_from_slice(row.get(column))
}
