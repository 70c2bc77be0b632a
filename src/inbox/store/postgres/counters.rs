//! What is counted: undelivered copies of a body, rows that refer to it, and the totals. Set right in the transaction in
//! which deliveries change.
//!
//! Every transaction takes its locks in one order, so that none ever waits for one that waits for it: events by id, then
//! marks by digest, then bodies by digest, then its own row of the totals. A claim waits for no lock, and neither does the
//! removal of unused marks.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join3};
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{row::number, session::Session};

/// The totals over all gates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) events: u64,
    pub(super) bytes: u64,
}

/// Events whose deliveries are about to change.
pub(super) struct Books {
    events: Vec<Uuid>,
    undelivered: BTreeSet<Uuid>,
}

#[derive(Default)]
struct Changes {
    removed: Vec<Uuid>,
    heads: i64,
    /// By body: rows that refer to it, and undelivered ones.
    bodies: BTreeMap<i64, (i64, i64)>,
}

impl Usage {
    pub(super) const SUM: &'static str = "SELECT coalesce(sum(events), 0)::bigint AS events, \
        coalesce(sum(bytes), 0)::bigint AS bytes FROM usage";

    pub(super) async fn read(session: &Session) -> Result<Self, Error> {
        Ok(Self::of(&session.query(Self::SUM, &[]).await?))
    }

    pub(super) fn of(rows: &[Row]) -> Self {
        let of = |row| Self {
            events: number::<i64, _>(row, "events"),
            bytes: number::<i64, _>(row, "bytes"),
        };
        rows.first().map(of).unwrap_or_default()
    }
}

impl Books {
    /// Locks the events of these deliveries, as the first thing of a transaction. Those that have gone meanwhile are none of
    /// its business.
    pub(super) async fn open(session: &Session, events: &[Uuid]) -> Result<Self, Error> {
        const LOCK: &str = "SELECT id FROM event WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
        const UNDELIVERED: &str =
            "SELECT DISTINCT event FROM delivery WHERE event = ANY ($1) AND state <> 1";
        let lock = session.statement(LOCK).await?;
        let undelivered = session.statement(UNDELIVERED).await?;
        // The second sees what was committed while the first waited.
        let events: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&events];
        let ((), locked, undelivered) = try_join3(
            session.begin(),
            session.client.query(&lock, &events),
            session.client.query(&undelivered, &events),
        )
        .await?;
        Ok(Self {
            events: locked.iter().map(|row| row.get(0)).collect(),
            undelivered: undelivered.iter().map(|row| row.get(0)).collect(),
        })
    }

    /// Counts what has changed, removes what needs to stay no longer, and commits: an event without deliveries, and a copy that
    /// is delivered everywhere. A copy with a unique value stays as long as a first event would, because later arrivals are
    /// compared with it.
    pub(super) async fn close(&self, session: &Session, shard: i32) -> Result<(), Error> {
        const LEFT: &str = "SELECT e.id, e.body, octet_length(e.head) AS head,
                 EXISTS (SELECT FROM delivery WHERE event = e.id AND state <> 1) AS undelivered,
                 NOT EXISTS (SELECT FROM delivery WHERE event = e.id)
                     OR e.copy > 0 AND e.mark IS NULL AS spent
             FROM event AS e WHERE e.id = ANY ($1)";
        let mut changes = Changes::default();
        for row in session.query(LEFT, &[&self.events]).await? {
            let undelivered: bool = row.get("undelivered");
            let spent = !undelivered && row.get("spent");
            let was = self.undelivered.contains(&row.get("id"));
            changes.add(&row, i64::from(undelivered) - i64::from(was), spent);
        }
        changes.write(session, shard).await
    }

    /// Removes those events that were delivered everywhere before this time, and commits. How many it were.
    pub(super) async fn sweep(
        &self,
        session: &Session,
        shard: i32,
        before: i64,
    ) -> Result<u64, Error> {
        const OVER: &str = "SELECT e.id, e.body, octet_length(e.head) AS head
             FROM event AS e WHERE e.id = ANY ($1) AND NOT EXISTS (
                 SELECT FROM delivery WHERE event = e.id AND (state <> 1 OR last >= $2))";
        let mut changes = Changes::default();
        for row in session.query(OVER, &[&self.events, &before]).await? {
            changes.add(&row, 0, true);
        }
        changes.write(session, shard).await?;
        Ok(changes.removed.len() as u64)
    }
}

impl Changes {
    fn add(&mut self, row: &Row, undelivered: i64, removed: bool) {
        if undelivered == 0 && !removed {
            return;
        }
        let body = self.bodies.entry(row.get("body")).or_default();
        body.1 += undelivered;
        if removed {
            body.0 -= 1;
            self.heads += i64::from(row.get::<_, i32>("head"));
            self.removed.push(row.get("id"));
        }
    }

    async fn write(&self, session: &Session, shard: i32) -> Result<(), Error> {
        if self.bodies.is_empty() {
            return session.commit().await;
        }
        if !self.removed.is_empty() {
            self.remove(session).await?;
        }
        self.count(session, shard).await
    }

    async fn remove(&self, session: &Session) -> Result<(), Error> {
        let deliveries = "DELETE FROM delivery WHERE event = ANY ($1)";
        let deliveries = session.statement(deliveries).await?;
        let events = "DELETE FROM event WHERE id = ANY ($1)";
        let events = session.statement(events).await?;
        let removed: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&self.removed];
        let client = &session.client;
        try_join(
            client.execute(&deliveries, &removed),
            client.execute(&events, &removed),
        )
        .await?;
        Ok(())
    }

    async fn count(&self, session: &Session, shard: i32) -> Result<(), Error> {
        const LOCK: &str = "SELECT FROM body WHERE id = ANY ($1) ORDER BY digest FOR UPDATE";
        const COUNT: &str = "UPDATE body AS b
             SET events = b.events + c.events, undelivered = b.undelivered + c.undelivered
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS c (id, events, undelivered)
             WHERE b.id = c.id";
        // The last row that refers to a body takes it along.
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
        let (events, undelivered): (Vec<i64>, Vec<i64>) = self.bodies.values().copied().unzip();
        let removed = i64::try_from(self.removed.len()).unwrap_or_default();
        let client = &session.client;
        try_join3(
            client.execute(&lock, &[&bodies]),
            client.execute(&count, &[&bodies, &events, &undelivered]),
            client.execute(&total, &[&bodies, &shard, &removed, &self.heads]),
        )
        .await?;
        session.commit().await
    }
}

/// What stands under a name, which is this value unless there is one already.
pub(super) async fn init_meta(
    session: &Session,
    name: &str,
    value: &[u8],
) -> Result<Vec<u8>, Error> {
    let put = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let put = session.statement(put).await?;
    let get = "SELECT value FROM meta WHERE name = $1";
    let get = session.statement(get).await?;
    let client = &session.client;
    let (_, row) = try_join(
        client.execute(&put, &[&name, &value]),
        client.query_one(&get, &[&name]),
    )
    .await?;
    Ok(row.get(0))
}
