//! The times at which deliveries are due.

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;
use uuid::Uuid;

use super::tx::Tx;
use crate::runtime::clock::{self, Clock, Millis};

/// Walks the index of due deliveries to its first row.
pub(super) const NEXT: &str =
    "SELECT min(due) FROM delivery WHERE queue = ? AND state = 0 AND rank = ?";

/// A delivery whose wait began in the future.
pub(super) struct EarlyWait {
    event: Uuid,
    queue: Arc<str>,
}

pub(super) fn next_due(
    db: &Connection,
    queue: &str,
    clock: &Clock,
) -> rusqlite::Result<Option<Duration>> {
    let mut next = db.prepare_cached(NEXT)?;
    let mut next_of_rank =
        |rank: i64| next.query_row((queue, rank), |row| row.get::<_, Option<Millis>>(0));
    let due = next_of_rank(0)?.into_iter().chain(next_of_rank(1)?).min();
    Ok(due.map(|due| clock::remaining(due, clock.now())))
}

/// Finds the deliveries of a queue whose wait began after `now`, along the index of due deliveries.
pub(super) fn find_early(
    db: &Connection,
    queue: &Arc<str>,
    now: Millis,
) -> rusqlite::Result<Vec<EarlyWait>> {
    let mut find = db.prepare_cached(
        "SELECT event FROM delivery
         WHERE queue = ?1 AND state = 0 AND rank = ?2 AND due > ?3 AND due - wait > ?3",
    )?;
    let mut found = Vec::new();
    for rank in [0, 1] {
        let events = find.query_map((&**queue, rank, now), |row| row.get(0))?;
        for event in events {
            found.push(EarlyWait {
                event: Uuid::from_bytes(event?),
                queue: Arc::clone(queue),
            });
        }
    }
    Ok(found)
}

/// Restarts a wait now, if it still begins in the future.
pub(super) fn correct(tx: &mut Tx<'_>, early: &EarlyWait) -> rusqlite::Result<bool> {
    let corrected = tx
        .statement(
            "UPDATE delivery SET due = ?1 + wait
             WHERE event = ?2 AND queue = ?3 AND state = 0 AND due - wait > ?1",
        )?
        .execute((tx.now, early.event.as_bytes(), &*early.queue))?;
    Ok(corrected > 0)
}
