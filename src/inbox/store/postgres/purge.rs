//! Finds selected deliveries, and removes them.
//!
//! Like every change of many rows, it finds the rows first, and then changes those that are still
//! as they were found.

use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{list, row, session::Session, tx::DeliveryTx};
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

pub(super) async fn find(
    session: &Session,
    selection: &Selection,
    most: usize,
) -> Result<Vec<FoundDelivery>, Error> {
    let columns = "d.event, d.queue, d.state";
    let rows = list::select(
        session,
        columns,
        selection,
        (ListOrder::OldestFirst, None, most),
    )
    .await?;
    let found = |row: &Row| FoundDelivery {
        event: row.get("event"),
        queue: row.get("queue"),
        state: row::state(row),
    };
    Ok(rows.iter().map(found).collect())
}

/// Removes the selected deliveries, and each event that has none left. Returns the number of
/// deliveries.
pub(super) async fn purge(
    session: &Session,
    selection: &Selection,
    most: usize,
    shard: i32,
) -> Result<u64, Error> {
    let found = find(session, selection, most).await?;
    let tx = DeliveryTx::begin(session, &events(&found)).await?;
    let mut purged = 0;
    for one in &found {
        purged += remove(session, one).await?;
    }
    tx.commit(session, shard).await?;
    Ok(purged)
}

/// Removes a delivery alone. The transaction updates the counters.
pub(super) async fn remove(session: &Session, found: &FoundDelivery) -> Result<u64, Error> {
    let sql = "DELETE FROM delivery WHERE event = $1 AND queue = $2 AND state = $3";
    let state = found.state as i16;
    session
        .execute(sql, &[&found.event, &found.queue, &state])
        .await
}

pub(super) fn events(found: &[FoundDelivery]) -> Vec<Uuid> {
    found.iter().map(|one| one.event).collect()
}
