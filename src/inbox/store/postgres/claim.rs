//! Due deliveries go to whoever asks, each to one alone.

use std::{sync::Arc, time::Duration};

use tokio_postgres::Error;

use super::{
    row::{self, event_columns},
    session::Session,
    time::now,
};
use crate::inbox::{
    clock::{self, Millis},
    event::{Claim, Lease},
};

/// By their place in the table: so no plan ever looks through all rows for the few that were chosen.
pub(super) const CLAIM: &str = concat!(
    "WITH fresh AS MATERIALIZED (
         SELECT ctid AS place, event, due FROM delivery
         WHERE queue = $1 AND state = 0 AND rank = 0 AND due <= ",
    now!(4),
    "    ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED),
     copies AS MATERIALIZED (
         SELECT ctid AS place, event, due FROM delivery
         WHERE queue = $1 AND state = 0 AND rank = 1 AND due <= ",
    now!(4),
    "    ORDER BY due LIMIT $2 - (SELECT count(*) FROM fresh) FOR UPDATE SKIP LOCKED),
     chosen AS MATERIALIZED (
         SELECT * FROM fresh UNION ALL SELECT * FROM copies),
     taken AS MATERIALIZED (
         UPDATE delivery SET lease = lease + 1, due = $3 + ",
    now!(4),
    "    WHERE ctid = ANY (ARRAY(SELECT place FROM chosen))
         RETURNING event, rank, lease, attempts, seal)
     SELECT ",
    event_columns!(),
    ", e.copy, b.first_received, t.lease, t.attempts, t.seal AS delivery_seal
     FROM taken AS t JOIN chosen AS c ON c.event = t.event JOIN event AS e ON e.id = t.event JOIN body AS b ON b.id = e.body
     ORDER BY t.rank, c.due, e.id"
);

pub(super) async fn claim(
    session: &Session,
    queue: &Arc<str>,
    most: usize,
    lease: Duration,
    now: Option<Millis>,
) -> Result<Vec<Claim>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = session
        .query(CLAIM, &[&&**queue, &most, &clock::millis(lease), &now])
        .await?;
    Ok(rows.iter().map(|row| claimed(row, queue)).collect())
}

pub(super) async fn next_due(
    session: &Session,
    queue: &str,
    now: Option<Millis>,
) -> Result<Option<Duration>, Error> {
    const NEXT: &str = concat!(
        "SELECT least(
             (SELECT due FROM delivery WHERE queue = $1 AND state = 0 AND rank = 0 ORDER BY due LIMIT 1),
             (SELECT due FROM delivery WHERE queue = $1 AND state = 0 AND rank = 1 ORDER BY due LIMIT 1)), ",
        now!(2)
    );
    let rows = session.query(NEXT, &[&queue, &now]).await?;
    Ok(rows.first().and_then(|row| {
        let (due, now) = (row.get::<_, Option<Millis>>(0), row.get(1));
        due.map(|due| clock::left(due, now))
    }))
}

fn claimed(row: &tokio_postgres::Row, queue: &Arc<str>) -> Claim {
    let event = row::event(row);
    let lease = Lease {
        event: event.id,
        queue: Arc::clone(queue),
        token: row.get("lease"),
    };
    Claim {
        event,
        seal: row::fixed(row.get("delivery_seal")),
        attempts: row::number::<i32, _>(row, "attempts"),
        copy: row::number::<i64, _>(row, "copy"),
        first_received: row.get("first_received"),
        lease,
    }
}
