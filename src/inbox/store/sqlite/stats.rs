//! Reads how much the store holds.

use std::{fs, path::Path};

use rusqlite::Connection;

use super::{row::number, usage};
use crate::inbox::store::stats::{QueueStats, Stats};

pub(super) fn stats(db: &Connection, wal: &Path) -> rusqlite::Result<Stats> {
    let usage = usage::read(db)?;
    Ok(Stats {
        events: usage.events,
        bytes: usage.bytes,
        wal: Some(fs::metadata(wal).map_or(0, |wal| wal.len())),
        queues: queues(db)?,
    })
}

/// Ids grow with time, so the least id of a queue is that of its oldest event.
fn queues(db: &Connection) -> rusqlite::Result<Vec<QueueStats>> {
    db.prepare_cached(
        "SELECT queue, pending, dead, quarantined, received
         FROM (SELECT queue, sum(pending) AS pending, sum(dead) AS dead, sum(quarantined) AS quarantined,
                      max(oldest) AS oldest
               FROM (SELECT queue, count(*) AS pending, 0 AS dead, 0 AS quarantined, min(event) AS oldest
                         FROM delivery WHERE state = 0 GROUP BY queue
                     UNION ALL
                     SELECT queue, 0, sum(state = 2), sum(state = 3), NULL
                         FROM delivery WHERE state IN (2, 3) GROUP BY queue)
               GROUP BY queue)
         LEFT JOIN event ON event.id = oldest ORDER BY queue",
    )?
    .query_map([], |row| {
        Ok(QueueStats {
            queue: row.get(0)?,
            pending: number(row, 1)?,
            dead: number(row, 2)?,
            quarantined: number(row, 3)?,
            oldest: row.get(4)?,
        })
    })?
    .collect()
}
