//! Deliveries are claimed: hidden from every other claim until the lease ends.

use std::{sync::Arc, time::Duration};

use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::{fault::Fault, list, row, settle};
use crate::{
    delivery::event::{Claim, Lease, ProbeCursor, Settlement},
    inbox::store::sqlite::tx::{Books, number},
    runtime::clock::{self, Clock, Millis},
};

/// A walk along the index of what is due, which stops at the limit.
pub(super) const DUE: &str = "SELECT event FROM delivery
     WHERE queue = ? AND state = 0 AND rank = ? AND due <= ? ORDER BY due LIMIT ?";

/// The same walk, from a position on.
pub(super) const NEXT_IN_TURN: &str = "SELECT event FROM delivery
     WHERE queue = ? AND state = 0 AND rank = ? AND due <= ? AND (due, event) > (?, ?)
     ORDER BY due, event LIMIT 1";

pub(super) const NEXT: &str =
    "SELECT min(due) FROM delivery WHERE queue = ? AND state = 0 AND rank = ?";

pub(super) fn claim(
    books: &mut Books<'_>,
    queue: &Arc<str>,
    most: usize,
    lease: Duration,
) -> Result<Vec<Claim>, Fault> {
    let mut claims = Vec::new();
    for rank in [0, 1] {
        for event in due(books, queue, rank, most - claims.len())? {
            claims.extend(take(books, event, queue, lease)?);
        }
    }
    Ok(claims)
}

pub(super) fn claim_next(
    books: &mut Books<'_>,
    queue: &Arc<str>,
    after: ProbeCursor,
    lease: Duration,
) -> Result<Option<Claim>, Fault> {
    for from in [after, ProbeCursor::START] {
        for rank in from.rank..=1 {
            let from = if rank == from.rank {
                from
            } else {
                ProbeCursor::START
            };
            if let Some(event) = next(books, queue, rank, from)? {
                return take(books, event, queue, lease);
            }
        }
    }
    Ok(None)
}

/// Each by a walk along the same index, to its first row.
pub(super) fn next_due(
    db: &Connection,
    queue: &str,
    clock: &Clock,
) -> rusqlite::Result<Option<Duration>> {
    let mut first = db.prepare_cached(NEXT)?;
    let mut of = |rank: i64| first.query_row((queue, rank), |row| row.get::<_, Option<Millis>>(0));
    let due = of(0)?.into_iter().chain(of(1)?).min();
    Ok(due.map(|due| clock::remaining(due, clock.now())))
}

fn due(books: &Books<'_>, queue: &str, rank: i64, most: usize) -> rusqlite::Result<Vec<Uuid>> {
    books
        .statement(DUE)?
        .query_map((queue, rank, books.now, list::limit(most)), |row| {
            row.get(0)
        })?
        .map(|id| id.map(Uuid::from_bytes))
        .collect()
}

fn next(
    books: &Books<'_>,
    queue: &str,
    rank: i16,
    from: ProbeCursor,
) -> rusqlite::Result<Option<Uuid>> {
    let after = from.event.as_bytes();
    books
        .statement(NEXT_IN_TURN)?
        .query_row((queue, rank, books.now, from.due, after), |row| row.get(0))
        .optional()
        .map(|id| id.map(Uuid::from_bytes))
}

/// None if the row cannot even be read: nobody could check its seal, so it is put where broken ones are.
fn take(
    books: &mut Books<'_>,
    event: Uuid,
    queue: &Arc<str>,
    lease: Duration,
) -> Result<Option<Claim>, Fault> {
    let wait = clock::millis(lease);
    let (token, attempts, seal) = books
        .statement(
            "UPDATE delivery SET lease = lease + 1, held = 1, due = ?, wait = ?
             WHERE event = ? AND queue = ? RETURNING lease, attempts, seal",
        )?
        .query_row(
            (books.now + wait, wait, event.as_bytes(), &**queue),
            |row| Ok((row.get(0)?, number(row, 1)?, row::digest(row, 2)?)),
        )?;
    let lease = Lease {
        event,
        queue: Arc::clone(queue),
        token,
    };
    let Some(stored) = row::event(books.db, event)? else {
        settle::settle(books, &lease, &Settlement::Quarantined)?;
        return Ok(None);
    };
    Ok(Some(Claim {
        event: stored.event,
        seal,
        attempts,
        copy: stored.copy,
        first_received: stored.first_received,
        lease,
    }))
}
