//! A transaction that changes deliveries, and keeps the counters right.
//!
//! Every transaction takes its locks in one order, so that no two wait for each other: events by
//! id, then marks by digest, then bodies by digest, then its own row of the totals. A claim waits
//! for no lock, and neither does the removal of unused marks.

use std::collections::BTreeSet;

use futures_util::future::try_join3;
use tokio_postgres::Error;
use uuid::Uuid;

use super::{
    counters::CounterChanges,
    session::{Params, Session},
};
use crate::runtime::clock::Millis;

/// A transaction that holds the locks of the events whose deliveries change.
pub(super) struct DeliveryTx {
    events: Vec<Uuid>,
    /// The events that had an undelivered delivery at the beginning.
    undelivered: BTreeSet<Uuid>,
}

impl DeliveryTx {
    /// Begins the transaction, and locks those of these events that still exist.
    pub(super) async fn begin(session: &Session, events: &[Uuid]) -> Result<Self, Error> {
        const LOCK: &str = "SELECT id FROM event WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
        const UNDELIVERED: &str =
            "SELECT DISTINCT event FROM delivery WHERE event = ANY ($1) AND state <> 1";
        let lock = session.statement(LOCK).await?;
        let undelivered = session.statement(UNDELIVERED).await?;
        let events: Params<'_> = &[&events];
        // The second query sees commits that ended while the first waited for a lock.
        let ((), locked, undelivered) = try_join3(
            session.begin(),
            session.client.query(&lock, events),
            session.client.query(&undelivered, events),
        )
        .await?;
        Ok(Self {
            events: locked.iter().map(|row| row.get(0)).collect(),
            undelivered: undelivered.iter().map(|row| row.get(0)).collect(),
        })
    }

    /// Updates the counters, removes events that need not stay, and commits.
    ///
    /// Removed are an event without deliveries, and a copy that was delivered everywhere. A copy
    /// with a unique value stays as long as a first event would, because later arrivals are
    /// compared with it.
    pub(super) async fn commit(&self, session: &Session, shard: i32) -> Result<(), Error> {
        const LEFT: &str = "SELECT e.id, e.body, octet_length(e.head) AS head,
                 EXISTS (SELECT FROM delivery WHERE event = e.id AND state <> 1) AS undelivered,
                 NOT EXISTS (SELECT FROM delivery WHERE event = e.id)
                     OR e.copy > 0 AND e.mark IS NULL AS spent
             FROM event AS e WHERE e.id = ANY ($1)";
        let mut changes = CounterChanges::default();
        for row in session.query(LEFT, &[&self.events]).await? {
            let undelivered: bool = row.get("undelivered");
            let spent = !undelivered && row.get("spent");
            let was_undelivered = self.undelivered.contains(&row.get("id"));
            let by = i64::from(undelivered) - i64::from(was_undelivered);
            changes.add(&row, by, spent);
        }
        changes.write(session, shard).await?;
        session.commit().await
    }

    /// Removes the events that were delivered everywhere before this time, and commits. Returns
    /// their number.
    pub(super) async fn sweep(
        &self,
        session: &Session,
        shard: i32,
        before: Millis,
    ) -> Result<u64, Error> {
        const OVER: &str = "SELECT e.id, e.body, octet_length(e.head) AS head
             FROM event AS e WHERE e.id = ANY ($1) AND NOT EXISTS (
                 SELECT FROM delivery WHERE event = e.id AND (state <> 1 OR last >= $2))";
        let mut changes = CounterChanges::default();
        for row in session.query(OVER, &[&self.events, &before]).await? {
            changes.add(&row, 0, true);
        }
        changes.write(session, shard).await?;
        session.commit().await?;
        Ok(changes.removed())
    }
}
