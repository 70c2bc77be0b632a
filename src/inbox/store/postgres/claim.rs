//! Claims due deliveries, each for one gate.

use std::{sync::Arc, time::Duration};

use tokio_postgres::Error;

use super::{
    row::{self, event_columns},
    session::{Params, Session},
    time::now,
};
use crate::{
    delivery::event::{Claim, Lease, ProbeCursor},
    inbox::store::sql::limit,
    runtime::clock::{self, Millis},
};

/// Updates rows by their place in the table, so that no plan looks through all rows for the few
/// that were chosen.
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
         UPDATE delivery SET lease = lease + 1, held = true, wait = $3, due = $3 + ",
    now!(4),
    "    WHERE ctid = ANY (ARRAY(SELECT place FROM chosen))
         RETURNING event, rank, lease, attempts, seal)
     SELECT ",
    event_columns!(),
    ", e.copy, b.first_received, t.lease, t.attempts, t.seal AS delivery_seal
     FROM taken AS t JOIN chosen AS c ON c.event = t.event JOIN event AS e ON e.id = t.event JOIN body AS b ON b.id = e.body
     ORDER BY t.rank, c.due, e.id"
);

/// Walks the same index from a position on, to the first row.
pub(super) const CLAIM_NEXT: &str = concat!(
    "WITH chosen AS MATERIALIZED (
         SELECT ctid AS place FROM delivery
         WHERE queue = $1 AND state = 0 AND (rank, due, event) > ($2, $3, $4) AND due <= ",
    now!(6),
    "    ORDER BY rank, due, event LIMIT 1 FOR UPDATE SKIP LOCKED),
     taken AS MATERIALIZED (
         UPDATE delivery SET lease = lease + 1, held = true, wait = $5, due = $5 + ",
    now!(6),
    "    WHERE ctid = ANY (ARRAY(SELECT place FROM chosen))
         RETURNING event, lease, attempts, seal)
     SELECT ",
    event_columns!(),
    ", e.copy, b.first_received, t.lease, t.attempts, t.seal AS delivery_seal
     FROM taken AS t JOIN event AS e ON e.id = t.event JOIN body AS b ON b.id = e.body"
);

pub(super) async fn claim(
    session: &Session,
    queue: &Arc<str>,
    most: usize,
    lease: Duration,
    now: Option<Millis>,
) -> Result<Vec<Claim>, Error> {
    let most = limit(most);
    let rows = session
        .query(CLAIM, &[&&**queue, &most, &clock::millis(lease), &now])
        .await?;
    Ok(rows.iter().map(|row| claimed(row, queue)).collect())
}

pub(super) async fn claim_next(
    session: &Session,
    queue: &Arc<str>,
    after: ProbeCursor,
    lease: Duration,
    now: Option<Millis>,
) -> Result<Option<Claim>, Error> {
    let lease = clock::millis(lease);
    for ProbeCursor { rank, due, event } in [after, ProbeCursor::START] {
        let from: Params<'_> = &[&&**queue, &rank, &due, &event, &lease, &now];
        if let Some(row) = session.query(CLAIM_NEXT, from).await?.first() {
            return Ok(Some(claimed(row, queue)));
        }
    }
    Ok(None)
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
        seal: row::digest(row, "delivery_seal"),
        attempts: row::number::<i32, _>(row, "attempts"),
        copy: row::number::<i64, _>(row, "copy"),
        first_received: row.get("first_received"),
        lease,
    }
}
