//! Makes selected deliveries due again, or moves them to another queue.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::{
    counters, meta,
    purge::{FoundDelivery, find, remove},
    row::{self, number},
    tx::Tx,
};
use crate::{
    delivery::{
        event::{DeliveryState, Settlement},
        seal::SealedDelivery,
    },
    inbox::store::selection::Selection,
    runtime::clock::Millis,
};

/// A delivery to requeue.
pub(super) struct Retriable {
    found: FoundDelivery,
    /// The queue that it moves to, if that is another one.
    to: Option<Arc<str>>,
}

/// Selects retriable deliveries. Skips quarantined ones unless requested, and ones without a queue
/// unless they move to one.
pub(super) fn find_retriable(
    db: &Connection,
    selection: Selection,
    to: Option<&Arc<str>>,
    most: usize,
) -> rusqlite::Result<Vec<Retriable>> {
    let found = find(db, &selection.without_quarantined(), most)?;
    Ok(found
        .into_iter()
        .filter(|found| to.is_some() || !found.queue.is_empty())
        .map(|found| Retriable {
            to: to.filter(|to| ***to != found.queue).cloned(),
            found,
        })
        .collect())
}

/// Requeues a delivery. Returns false if it has changed, or stays quarantined.
pub(super) fn requeue(tx: &mut Tx<'_>, retriable: &Retriable) -> rusqlite::Result<bool> {
    let found = &retriable.found;
    let was_undelivered = counters::is_undelivered(tx, found.event)?;
    let done = match &retriable.to {
        Some(to) => move_to(tx, found, to)?,
        None => renew(tx, found.event, &found.queue, found.state)?,
    };
    counters::update(tx, found.event, was_undelivered)?;
    Ok(done)
}

/// Moves a delivery to another queue.
///
/// If that queue already has a delivery of the event, that one is renewed instead, unless it is
/// quarantined.
fn move_to(tx: &Tx<'_>, found: &FoundDelivery, to: &str) -> rusqlite::Result<bool> {
    let existing = tx
        .statement("SELECT state FROM delivery WHERE event = ? AND queue = ?")?
        .query_row((found.event.as_bytes(), to), |row| row::state(row, 0))
        .optional()?;
    match existing {
        Some(DeliveryState::Quarantined) => Ok(false),
        Some(state) => Ok(remove(tx, found)? && renew(tx, found.event, to, state)?),
        None => Ok(reseal(tx, found, to)? && renew(tx, found.event, to, found.state)?),
    }
}

/// Makes a delivery pending and due now, from the first attempt on.
///
/// A claimed one stays hidden until its lease ends, because an attempt is under way, which would be
/// made twice.
fn renew(tx: &Tx<'_>, event: Uuid, queue: &str, state: DeliveryState) -> rusqlite::Result<bool> {
    let renewed = tx
        .statement(
            "UPDATE delivery SET lease = lease + (state <> 0), state = 0, attempts = 0,
                 held = (state = 0 AND held = 1),
                 due = CASE WHEN state = 0 AND held = 1 THEN due ELSE ? END,
                 wait = CASE WHEN state = 0 AND held = 1 THEN wait ELSE 0 END
             WHERE event = ? AND queue = ? AND state = ?",
        )?
        .execute((tx.now, event.as_bytes(), queue, state as i16))?;
    meta::record_requeue(tx, queue)?;
    Ok(renewed > 0)
}

/// Assigns a delivery whose seal holds to another queue, under a new seal. Quarantines it if the
/// seal does not hold.
fn reseal(tx: &Tx<'_>, found: &FoundDelivery, to: &str) -> rusqlite::Result<bool> {
    let Some((copy, first_received, seal)) = sealed_fields(tx, found)? else {
        return Ok(false);
    };
    let sealed = |queue| SealedDelivery {
        event: found.event,
        queue,
        copy,
        first_received,
    };
    let id = found.event.as_bytes();
    if tx.seals.holds(&sealed(&found.queue), &seal) {
        tx.statement(
            "UPDATE delivery SET queue = ?, seal = ?, held = 0 WHERE event = ? AND queue = ?",
        )?
        .execute((to, tx.seals.seal(&sealed(to)), id, &*found.queue))?;
        return Ok(true);
    }
    tx.statement("UPDATE delivery SET state = 3, reason = ? WHERE event = ? AND queue = ?")?
        .execute((Settlement::SEAL_BROKEN, id, &*found.queue))?;
    Ok(false)
}

/// Reads the sealed numbers of a delivery, and its seal.
fn sealed_fields(
    tx: &Tx<'_>,
    found: &FoundDelivery,
) -> rusqlite::Result<Option<(u32, Millis, Vec<u8>)>> {
    tx.statement(
        "SELECT e.copy, b.first_received, d.seal
             FROM delivery AS d JOIN event AS e ON e.id = d.event JOIN body AS b ON b.id = e.body
             WHERE d.event = ? AND d.queue = ? AND d.state = ?",
    )?
    .query_row(
        (found.event.as_bytes(), &*found.queue, found.state as i16),
        |row| Ok((number(row, 0)?, row.get(1)?, row.get(2)?)),
    )
    .optional()
}
