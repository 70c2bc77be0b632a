//! The times at which deliveries are due.

use std::time::Duration;

use tokio_postgres::Error;

use super::{session::Session, time::now};
use crate::runtime::clock::{self, Millis};

/// Restarts the waits of a queue that began in the future. Skips rows that other transactions hold,
/// so it waits for no lock.
pub(super) async fn correct_due(
    session: &Session,
    queue: &str,
    now: Option<Millis>,
) -> Result<u64, Error> {
    const MAX_ROWS: u64 = 1000;
    const CORRECT: &str = concat!(
        "WITH early AS MATERIALIZED (
             SELECT ctid AS place FROM delivery
             WHERE queue = $1 AND state = 0 AND rank IN (0, 1) AND due > ",
        now!(2),
        " AND due - wait > ",
        now!(2),
        "    LIMIT 1000 FOR UPDATE SKIP LOCKED)
         UPDATE delivery SET due = wait + ",
        now!(2),
        " WHERE ctid = ANY (ARRAY(SELECT place FROM early))"
    );
    let mut all = 0;
    loop {
        let corrected = session.execute(CORRECT, &[&queue, &now]).await?;
        all += corrected;
        if corrected < MAX_ROWS {
            return Ok(all);
        }
    }
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
        due.map(|due| clock::remaining(due, now))
    }))
}
