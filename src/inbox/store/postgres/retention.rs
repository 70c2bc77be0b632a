//! Removes events that were delivered everywhere, and unique values that no event has, after their
//! retention.

use tokio_postgres::Error;
use uuid::Uuid;

use super::{session::Session, tx::DeliveryTx};
use crate::{inbox::store::sql::limit, runtime::clock::Millis};

pub(super) async fn sweep(
    session: &Session,
    before: Millis,
    most: usize,
    shard: i32,
) -> Result<u64, Error> {
    let events = sweep_events(session, before, limit(most), shard).await?;
    Ok(events + sweep_marks(session, before, limit(most)).await?)
}

async fn sweep_events(
    session: &Session,
    before: Millis,
    most: i64,
    shard: i32,
) -> Result<u64, Error> {
    const OVER: &str = "SELECT event FROM delivery AS d WHERE state = 1 AND last < $1
             AND NOT EXISTS (SELECT FROM delivery WHERE event = d.event AND (state <> 1 OR last >= $1))
         ORDER BY last LIMIT $2";
    let over = session.query(OVER, &[&before, &most]).await?;
    if over.is_empty() {
        return Ok(0);
    }
    let events: Vec<Uuid> = over.iter().map(|row| row.get(0)).collect();
    let tx = DeliveryTx::begin(session, &events).await?;
    tx.sweep(session, shard, before).await
}

/// Removes unique values that were last seen before this time and that no event has. Skips those
/// that other transactions hold, so it waits for no lock.
async fn sweep_marks(session: &Session, before: Millis, most: i64) -> Result<u64, Error> {
    const FORGET: &str = "DELETE FROM mark WHERE digest IN (
             SELECT digest FROM mark AS m WHERE last < $1
                 AND NOT EXISTS (SELECT FROM event WHERE mark = m.digest)
             ORDER BY last LIMIT $2 FOR UPDATE SKIP LOCKED)";
    session.execute(FORGET, &[&before, &most]).await
}
