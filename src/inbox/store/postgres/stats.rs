//! Reads how much the store holds.

use tokio_postgres::{Error, Row};

use super::{row::number, session::Session, usage};
use crate::inbox::store::stats::{QueueStats, Stats};

pub(super) async fn stats(session: &Session) -> Result<Stats, Error> {
    const QUEUES: &str = "SELECT d.queue, count(*) FILTER (WHERE d.state = 0) AS pending,
             count(*) FILTER (WHERE d.state = 2) AS dead,
             count(*) FILTER (WHERE d.state = 3) AS quarantined,
             min(e.received) FILTER (WHERE d.state = 0) AS oldest
         FROM delivery AS d JOIN event AS e ON e.id = d.event
         WHERE d.state = 0 OR d.state IN (2, 3) GROUP BY d.queue ORDER BY d.queue";
    let usage = usage::read(session).await?;
    let queues = session.query(QUEUES, &[]).await?;
    let queue = |row: &Row| QueueStats {
        queue: row.get("queue"),
        pending: number::<i64, _>(row, "pending"),
        dead: number::<i64, _>(row, "dead"),
        quarantined: number::<i64, _>(row, "quarantined"),
        oldest: row.get("oldest"),
    };
    Ok(Stats {
        events: usage.events,
        bytes: usage.bytes,
        wal: None,
        queues: queues.iter().map(queue).collect(),
    })
}
