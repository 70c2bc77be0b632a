//! Finds selected deliveries, and removes them.
//!
//! Like every change of many rows, it has two parts: a reader finds the rows, which may take long,
//! and the writer changes those that are still as they were found, which is short.

use rusqlite::Connection;
use uuid::Uuid;

use super::{counters, list, row, tx::Tx};
use crate::{
    delivery::event::DeliveryState,
    inbox::store::{list_order::ListOrder, selection::Selection},
};

/// A selected delivery as it was found.
pub(super) struct FoundDelivery {
    pub(super) event: Uuid,
    pub(super) queue: String,
    pub(super) state: DeliveryState,
}

pub(super) fn find(
    db: &Connection,
    selection: &Selection,
    most: usize,
) -> rusqlite::Result<Vec<FoundDelivery>> {
    let columns = "d.event, d.queue, d.state";
    let page = (ListOrder::OldestFirst, None, most);
    list::select(db, columns, selection, page, |row| {
        Ok(FoundDelivery {
            event: Uuid::from_bytes(row.get(0)?),
            queue: row.get(1)?,
            state: row::state(row, 2)?,
        })
    })
}

/// Removes a delivery, and its event if no delivery is left. Returns false if the delivery has
/// changed.
pub(super) fn purge(tx: &mut Tx<'_>, found: &FoundDelivery) -> rusqlite::Result<bool> {
    let was_undelivered = counters::is_undelivered(tx, found.event)?;
    let removed = remove(tx, found)?;
    if removed {
        counters::update(tx, found.event, was_undelivered)?;
    }
    Ok(removed)
}

/// Removes a delivery alone. The caller updates the counters.
pub(super) fn remove(tx: &Tx<'_>, found: &FoundDelivery) -> rusqlite::Result<bool> {
    let removed = tx
        .statement("DELETE FROM delivery WHERE event = ? AND queue = ? AND state = ?")?
        .execute((found.event.as_bytes(), &*found.queue, found.state as i16))?;
    Ok(removed > 0)
}
