//! Removes events that were delivered everywhere, and unique values that no event has, after their
//! retention.

use std::collections::BTreeSet;

use rusqlite::Connection;
use uuid::Uuid;

use super::{counters, tx::Tx};
use crate::{inbox::store::sql::limit, runtime::clock::Millis};

/// An event that was delivered everywhere before this time.
pub(super) struct ExpiredEvent {
    event: Uuid,
    before: Millis,
}

/// A unique value that was last seen before this time and that no event has.
pub(super) struct ExpiredMark {
    digest: [u8; 32],
    before: Millis,
}

pub(super) fn find_events(
    db: &Connection,
    before: Millis,
    most: usize,
) -> rusqlite::Result<Vec<ExpiredEvent>> {
    let events: BTreeSet<[u8; 16]> = db
        .prepare_cached(
            "SELECT event FROM delivery AS d WHERE state = 1 AND last < ?1
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = d.event AND (state <> 1 OR last >= ?1))
             ORDER BY last LIMIT ?2",
        )?
        .query_map((before, limit(most)), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let expired = |id| ExpiredEvent {
        event: Uuid::from_bytes(id),
        before,
    };
    Ok(events.into_iter().map(expired).collect())
}

pub(super) fn find_marks(
    db: &Connection,
    before: Millis,
    most: usize,
) -> rusqlite::Result<Vec<ExpiredMark>> {
    db.prepare_cached(
        "SELECT digest FROM mark AS m WHERE last < ?1
             AND NOT EXISTS (SELECT 1 FROM event WHERE mark = m.digest) ORDER BY last LIMIT ?2",
    )?
    .query_map((before, limit(most)), |row| {
        Ok(ExpiredMark {
            digest: row.get(0)?,
            before,
        })
    })?
    .collect()
}

/// Removes an event, unless it has changed.
pub(super) fn remove_event(tx: &mut Tx<'_>, expired: &ExpiredEvent) -> rusqlite::Result<bool> {
    let id = expired.event.as_bytes();
    let is_expired: bool = tx
        .statement(
            "SELECT EXISTS (SELECT 1 FROM event WHERE id = ?1)
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = ?1 AND (state <> 1 OR last >= ?2))",
        )?
        .query_row((id, expired.before), |row| row.get(0))?;
    if is_expired {
        counters::remove_event(tx, expired.event)?;
    }
    Ok(is_expired)
}

/// Removes a unique value, unless it came again.
pub(super) fn remove_mark(tx: &mut Tx<'_>, expired: &ExpiredMark) -> rusqlite::Result<bool> {
    let removed = tx
        .statement(
            "DELETE FROM mark WHERE digest = ?1 AND last < ?2
                 AND NOT EXISTS (SELECT 1 FROM event WHERE mark = ?1)",
        )?
        .execute((expired.digest, expired.before))?;
    Ok(removed > 0)
}
