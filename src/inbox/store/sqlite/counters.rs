//! Keeps the counters of bodies and the totals right when deliveries change, and removes events
//! that need not stay.

use rusqlite::OptionalExtension as _;
use uuid::Uuid;

use super::{row::number, tx::Tx};

/// Whether an event has a delivery that is not delivered.
pub(super) fn is_undelivered(tx: &Tx<'_>, event: Uuid) -> rusqlite::Result<bool> {
    tx.statement("SELECT EXISTS (SELECT 1 FROM delivery WHERE event = ? AND state <> 1)")?
        .query_row([event.as_bytes()], |row| row.get(0))
}

/// Updates the counters of an event's body after the event's deliveries have changed, and removes
/// the event if it need not stay.
///
/// That is an event without deliveries, and a copy that was delivered everywhere. A copy with a
/// unique value stays as long as a first event would, because later arrivals are compared with it.
pub(super) fn update(tx: &mut Tx<'_>, event: Uuid, was_undelivered: bool) -> rusqlite::Result<()> {
    let is_undelivered = is_undelivered(tx, event)?;
    if is_undelivered != was_undelivered {
        let by = i64::from(is_undelivered) - i64::from(was_undelivered);
        tx.statement(
            "UPDATE body SET undelivered = undelivered + ? WHERE id = (SELECT body FROM event WHERE id = ?)",
        )?
        .execute((by, event.as_bytes()))?;
    }
    if !is_undelivered && is_spent(tx, event)? {
        remove_event(tx, event)?;
    }
    Ok(())
}

fn is_spent(tx: &Tx<'_>, event: Uuid) -> rusqlite::Result<bool> {
    tx.statement(
        "SELECT NOT EXISTS (SELECT 1 FROM delivery WHERE event = e.id) OR copy > 0 AND mark IS NULL
             FROM event AS e WHERE id = ?",
    )?
    .query_row([event.as_bytes()], |row| row.get(0))
    .optional()
    .map(|spent| spent.unwrap_or(false))
}

/// Removes an event that was delivered everywhere or has no delivery left. The last event of a body
/// takes the body along.
pub(super) fn remove_event(tx: &mut Tx<'_>, event: Uuid) -> rusqlite::Result<()> {
    let id = event.as_bytes();
    tx.statement("DELETE FROM delivery WHERE event = ?")?
        .execute([id])?;
    let (body, head): (i64, u64) = tx
        .statement("DELETE FROM event WHERE id = ? RETURNING body, length(head)")?
        .query_row([id], |row| Ok((row.get(0)?, number(row, 1)?)))?;
    let left: i64 = tx
        .statement("UPDATE body SET events = events - 1 WHERE id = ? RETURNING events")?
        .query_row([body], |row| row.get(0))?;
    let bytes = if left > 0 { 0 } else { remove_body(tx, body)? };
    tx.usage.subtract(head + bytes);
    Ok(())
}

/// Removes a body. Returns its size.
fn remove_body(tx: &Tx<'_>, body: i64) -> rusqlite::Result<u64> {
    let bytes = tx
        .statement("DELETE FROM content WHERE body = ? RETURNING length(bytes)")?
        .query_row([body], |row| number(row, 0))?;
    tx.statement("DELETE FROM body WHERE id = ?")?
        .execute([body])?;
    Ok(bytes)
}
