//! Changes of the counters of bodies and of the totals, collected for one transaction.

use std::collections::BTreeMap;

use futures_util::future::{try_join, try_join3};
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::session::{Params, Session};

/// Changes that a transaction makes beside those of its deliveries.
#[derive(Default)]
pub(super) struct CounterChanges {
    removed: Vec<Uuid>,
    /// Bytes of the heads of removed events.
    heads: i64,
    bodies: BTreeMap<i64, BodyChange>,
}

/// By how much the counters of a body change.
#[derive(Default)]
struct BodyChange {
    events: i64,
    undelivered: i64,
}

impl CounterChanges {
    /// Adds an event, whose row has the columns `id`, `body` and `head`. `undelivered` is the
    /// change of its body's counter.
    pub(super) fn add(&mut self, event: &Row, undelivered: i64, is_removed: bool) {
        if undelivered == 0 && !is_removed {
            return;
        }
        let body = self.bodies.entry(event.get("body")).or_default();
        body.undelivered += undelivered;
        if is_removed {
            body.events -= 1;
            self.heads += i64::from(event.get::<_, i32>("head"));
            self.removed.push(event.get("id"));
        }
    }

    /// Returns the number of removed events.
    pub(super) fn removed(&self) -> u64 {
        self.removed.len() as u64
    }

    /// Removes the events, and updates the counters.
    pub(super) async fn write(&self, session: &Session, shard: i32) -> Result<(), Error> {
        if self.bodies.is_empty() {
            return Ok(());
        }
        if !self.removed.is_empty() {
            self.remove_events(session).await?;
        }
        self.update_counters(session, shard).await
    }

    async fn remove_events(&self, session: &Session) -> Result<(), Error> {
        let deliveries = "DELETE FROM delivery WHERE event = ANY ($1)";
        let deliveries = session.statement(deliveries).await?;
        let events = "DELETE FROM event WHERE id = ANY ($1)";
        let events = session.statement(events).await?;
        let removed: Params<'_> = &[&self.removed];
        let client = &session.client;
        try_join(
            client.execute(&deliveries, removed),
            client.execute(&events, removed),
        )
        .await?;
        Ok(())
    }

    /// Updates the counters. The last event of a body takes the body along.
    async fn update_counters(&self, session: &Session, shard: i32) -> Result<(), Error> {
        const LOCK: &str = "SELECT FROM body WHERE id = ANY ($1) ORDER BY digest FOR UPDATE";
        const COUNT: &str = "UPDATE body AS b
             SET events = b.events + c.events, undelivered = b.undelivered + c.undelivered
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS c (id, events, undelivered)
             WHERE b.id = c.id";
        const TOTAL: &str = "WITH gone AS (
                 DELETE FROM body WHERE id = ANY ($1) AND events = 0 RETURNING octet_length(bytes) AS size)
             INSERT INTO usage AS u (shard, events, bytes)
             SELECT $2, -$3::bigint, -$4::bigint - coalesce(sum(size), 0)::bigint FROM gone
             ON CONFLICT (shard) DO UPDATE
                 SET events = u.events + excluded.events, bytes = u.bytes + excluded.bytes";
        let lock = session.statement(LOCK).await?;
        let count = session.statement(COUNT).await?;
        let total = session.statement(TOTAL).await?;
        let bodies: Vec<i64> = self.bodies.keys().copied().collect();
        let changes = self.bodies.values();
        let (events, undelivered): (Vec<i64>, Vec<i64>) = changes
            .map(|change| (change.events, change.undelivered))
            .unzip();
        let removed = i64::try_from(self.removed.len()).unwrap_or_default();
        let client = &session.client;
        try_join3(
            client.execute(&lock, &[&bodies]),
            client.execute(&count, &[&bodies, &events, &undelivered]),
            client.execute(&total, &[&bodies, &shard, &removed, &self.heads]),
        )
        .await?;
        Ok(())
    }
}
