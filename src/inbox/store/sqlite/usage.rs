//! Reads and writes the totals. One process writes, so they have one row.

use rusqlite::Connection;

use super::{row::number, tx::Tx};
use crate::inbox::store::usage::Usage;

pub(super) fn read(db: &Connection) -> rusqlite::Result<Usage> {
    let sum = "SELECT sum(events), sum(bytes) FROM usage";
    db.query_row(sum, [], |row| {
        Ok(Usage {
            events: number(row, 0)?,
            bytes: number(row, 1)?,
        })
    })
}

pub(super) fn write(tx: &Tx<'_>) -> rusqlite::Result<()> {
    let stored = |number| i64::try_from(number).unwrap_or(i64::MAX);
    tx.statement("UPDATE usage SET events = ?, bytes = ? WHERE shard = 0")?
        .execute((stored(tx.usage.events), stored(tx.usage.bytes)))?;
    Ok(())
}
