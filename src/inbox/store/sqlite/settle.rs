//! Settles a claimed delivery, if the lease has the token of its last claim.

use rusqlite::ToSql;

use super::{counters, tx::Tx};
use crate::{
    delivery::event::{DeliveryState, FailureCause, Lease, Settlement},
    runtime::clock,
};

/// Makes a delivery due at once, in the order in which events were received.
const DUE_AT_ONCE: &str = "wait = 0, due = min(?, (SELECT received FROM event WHERE id = event))";

/// Returns false if a later claim has superseded the lease.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    lease: &Lease,
    settlement: &Settlement,
) -> rusqlite::Result<bool> {
    let holds = record(tx, lease, settlement)?;
    if holds && matches!(settlement, Settlement::Delivered { .. }) {
        // The delivery was pending, so the event was not delivered everywhere.
        counters::update(tx, lease.event, true)?;
    }
    Ok(holds)
}

fn record(tx: &Tx<'_>, lease: &Lease, settlement: &Settlement) -> rusqlite::Result<bool> {
    match settlement {
        Settlement::Delivered { status } => {
            let set = "state = 1, attempts = attempts + 1, last = ?, status = ?, reason = NULL, response = NULL";
            update(tx, lease, set, &[&tx.now, status])
        }
        Settlement::Dead(cause) => {
            let set = "state = ?, attempts = attempts + 1";
            update_failed(tx, lease, cause, set, &[&(DeliveryState::Dead as i16)])
        }
        Settlement::Retry { wait, cause } => {
            let wait = clock::millis(*wait);
            let set = "due = ?, wait = ?, attempts = attempts + 1";
            update_failed(tx, lease, cause, set, &[&(tx.now + wait), &wait])
        }
        Settlement::Deferred(cause) => update_failed(tx, lease, cause, DUE_AT_ONCE, &[&tx.now]),
        Settlement::Quarantined => {
            let set = "state = 3, last = ?, reason = ?";
            update(tx, lease, set, &[&tx.now, &Settlement::SEAL_BROKEN])
        }
        Settlement::Released => update(tx, lease, DUE_AT_ONCE, &[&tx.now]),
    }
}

fn update_failed(
    tx: &Tx<'_>,
    lease: &Lease,
    cause: &FailureCause,
    set: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<bool> {
    let set = format!("{set}, last = ?, status = ?, reason = ?, response = ?");
    let response = cause.response.as_deref();
    let failure: [&dyn ToSql; 4] = [&tx.now, &cause.status, &cause.reason, &response];
    let all: Vec<&dyn ToSql> = values.iter().copied().chain(failure).collect();
    update(tx, lease, &set, &all)
}

fn update(tx: &Tx<'_>, lease: &Lease, set: &str, values: &[&dyn ToSql]) -> rusqlite::Result<bool> {
    let fence = "WHERE event = ? AND queue = ? AND state = 0 AND lease = ?";
    let mut statement = tx.statement(&format!("UPDATE delivery SET held = 0, {set} {fence}"))?;
    let id = lease.event.as_bytes();
    let fence: [&dyn ToSql; 3] = [id, &&*lease.queue, &lease.token];
    let all: Vec<&dyn ToSql> = values.iter().copied().chain(fence).collect();
    Ok(statement.execute(&all[..])? > 0)
}
