//! A claimed delivery is settled by whoever shows the token of its last claim.

use rusqlite::ToSql;

use crate::{
    delivery::event::{DeliveryState, FailureCause, Lease, Settlement},
    inbox::store::sqlite::tx::Books,
    runtime::clock,
};

/// Due at once, in the order in which events were received.
const AT_ONCE: &str = "wait = 0, due = min(?, (SELECT received FROM event WHERE id = event))";

/// False if the lease is not the last one any more.
pub(super) fn settle(
    books: &mut Books<'_>,
    lease: &Lease,
    settlement: &Settlement,
) -> rusqlite::Result<bool> {
    let held = match settlement {
        Settlement::Delivered { status } => update(
            books,
            lease,
            "state = 1, attempts = attempts + 1, last = ?, status = ?, reason = NULL, response = NULL",
            &[&books.now, status],
        )?,
        Settlement::Dead(cause) => {
            let state = DeliveryState::Dead as i16;
            failed(
                books,
                lease,
                cause,
                "state = ?, attempts = attempts + 1",
                &[&state],
            )?
        }
        Settlement::Retry { wait, cause } => {
            let wait = clock::millis(*wait);
            let set = "due = ?, wait = ?, attempts = attempts + 1";
            failed(books, lease, cause, set, &[&(books.now + wait), &wait])?
        }
        Settlement::Deferred(cause) => failed(books, lease, cause, AT_ONCE, &[&books.now])?,
        Settlement::Quarantined => update(
            books,
            lease,
            "state = 3, last = ?, reason = ?",
            &[&books.now, &Settlement::SEAL_BROKEN],
        )?,
        Settlement::Released => update(books, lease, AT_ONCE, &[&books.now])?,
    };
    if held && matches!(settlement, Settlement::Delivered { .. }) {
        // Pending until now, so it was not delivered everywhere.
        books.changed(lease.event, true)?;
    }
    Ok(held)
}

fn failed(
    books: &Books<'_>,
    lease: &Lease,
    cause: &FailureCause,
    set: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<bool> {
    let set = format!("{set}, last = ?, status = ?, reason = ?, response = ?");
    let response = cause.response.as_deref();
    let why: [&dyn ToSql; 4] = [&books.now, &cause.status, &cause.reason, &response];
    let all: Vec<&dyn ToSql> = values.iter().copied().chain(why).collect();
    update(books, lease, &set, &all)
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
