//! Claims due deliveries, which hides them from every other claim until the lease ends.

use std::{sync::Arc, time::Duration};

use rusqlite::OptionalExtension as _;
use uuid::Uuid;

use super::{
    error::JobError,
    row::{self, number},
    settle,
    tx::Tx,
};
use crate::{
    delivery::event::{Claim, Lease, ProbeCursor, Settlement},
    inbox::store::sql::limit,
    runtime::clock,
};

/// Walks the index of due deliveries, up to the limit.
pub(super) const DUE: &str = "SELECT event FROM delivery
     WHERE queue = ? AND state = 0 AND rank = ? AND due <= ? ORDER BY due LIMIT ?";

/// Walks the same index from a position on, to the first row.
pub(super) const NEXT_IN_TURN: &str = "SELECT event FROM delivery
     WHERE queue = ? AND state = 0 AND rank = ? AND due <= ? AND (due, event) > (?, ?)
     ORDER BY due, event LIMIT 1";

pub(super) fn claim(
    tx: &mut Tx<'_>,
    queue: &Arc<str>,
    most: usize,
    lease: Duration,
) -> Result<Vec<Claim>, JobError> {
    let mut claims = Vec::new();
    for rank in [0, 1] {
        for event in due(tx, queue, rank, most - claims.len())? {
            claims.extend(take(tx, event, queue, lease)?);
        }
    }
    Ok(claims)
}

pub(super) fn claim_next(
    tx: &mut Tx<'_>,
    queue: &Arc<str>,
    after: ProbeCursor,
    lease: Duration,
) -> Result<Option<Claim>, JobError> {
    for from in [after, ProbeCursor::START] {
        for rank in from.rank..=1 {
            let from = if rank == from.rank {
                from
            } else {
                ProbeCursor::START
            };
            if let Some(event) = next(tx, queue, rank, from)? {
                return take(tx, event, queue, lease);
            }
        }
    }
    Ok(None)
}

fn due(tx: &Tx<'_>, queue: &str, rank: i64, most: usize) -> rusqlite::Result<Vec<Uuid>> {
    tx.statement(DUE)?
        .query_map((queue, rank, tx.now, limit(most)), |row| row.get(0))?
        .map(|id| id.map(Uuid::from_bytes))
        .collect()
}

fn next(tx: &Tx<'_>, queue: &str, rank: i16, from: ProbeCursor) -> rusqlite::Result<Option<Uuid>> {
    let after = from.event.as_bytes();
    tx.statement(NEXT_IN_TURN)?
        .query_row((queue, rank, tx.now, from.due, after), |row| row.get(0))
        .optional()
        .map(|id| id.map(Uuid::from_bytes))
}

/// Claims a delivery. Quarantines it and returns `None` if its event cannot be read, because then
/// no seal can be checked.
fn take(
    tx: &mut Tx<'_>,
    event: Uuid,
    queue: &Arc<str>,
    lease: Duration,
) -> Result<Option<Claim>, JobError> {
    let wait = clock::millis(lease);
    let (token, attempts, seal) = tx
        .statement(
            "UPDATE delivery SET lease = lease + 1, held = 1, due = ?, wait = ?
             WHERE event = ? AND queue = ? RETURNING lease, attempts, seal",
        )?
        .query_row((tx.now + wait, wait, event.as_bytes(), &**queue), |row| {
            Ok((row.get(0)?, number(row, 1)?, row::digest(row, 2)?))
        })?;
    let lease = Lease {
        event,
        queue: Arc::clone(queue),
        token,
    };
    let Some(stored) = row::event(tx.db, event)? else {
        settle::settle(tx, &lease, &Settlement::Quarantined)?;
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
