//! A claimed delivery is settled by whoever shows the token of its last claim.

use rusqlite::ToSql;

use super::books::Books;
use crate::inbox::{
    clock,
    event::{Lease, Settlement, State},
};

/// False if the lease is not the last one any more.
pub(super) fn settle(
    books: &mut Books<'_>,
    lease: &Lease,
    settlement: Settlement,
) -> rusqlite::Result<bool> {
    let held = match settlement {
        Settlement::Delivered { status } => {
            ended(books, lease, State::Delivered, Some(status), None)?
        }
        Settlement::Dead { status, reason } => {
            ended(books, lease, State::Dead, status, Some(reason))?
        }
        Settlement::Quarantined => quarantined(books, lease)?,
        Settlement::Again {
            wait,
            status,
            reason,
        } => update(
            books,
            lease,
            "due = ?, attempts = attempts + 1, last = ?, status = ?, reason = ?",
            &[
                &(books.now + clock::millis(wait)),
                &books.now,
                &status,
                &reason,
            ],
        )?,
        Settlement::Released => update(books, lease, "due = ?", &[&books.now])?,
    };
    if held && matches!(settlement, Settlement::Delivered { .. }) {
        // Pending until now, so it was not delivered everywhere.
        books.changed(lease.event, true)?;
    }
    Ok(held)
}

fn ended(
    books: &Books<'_>,
    lease: &Lease,
    state: State,
    status: Option<u16>,
    reason: Option<&str>,
) -> rusqlite::Result<bool> {
    update(
        books,
        lease,
        "state = ?, attempts = attempts + 1, last = ?, status = ?, reason = ?",
        &[&(state as i16), &books.now, &status, &reason],
    )
}

fn quarantined(books: &Books<'_>, lease: &Lease) -> rusqlite::Result<bool> {
    update(
        books,
        lease,
        "state = 3, last = ?, reason = ?",
        &[&books.now, &Settlement::BROKEN],
    )
}

fn update(
    books: &Books<'_>,
    lease: &Lease,
    set: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<bool> {
    let fence = "WHERE event = ? AND queue = ? AND state = 0 AND lease = ?";
    let mut statement = books.statement(&format!("UPDATE delivery SET held = 0, {set} {fence}"))?;
    let id = lease.event.as_bytes();
    let fence: [&dyn ToSql; 3] = [id, &&*lease.queue, &lease.token];
    let all: Vec<&dyn ToSql> = values.iter().copied().chain(fence).collect();
    Ok(statement.execute(&all[..])? > 0)
}
