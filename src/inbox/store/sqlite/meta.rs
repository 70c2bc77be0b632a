//! Named values, such as the check value of the key, in the table `meta`.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use uuid::Uuid;

use super::{check::has_wal, error::JobError, path::canonical, tx::Tx};
use crate::inbox::store::{
    error::{Limit, StoreError},
    sql::requeue_key,
};

/// Stores a value under a name, in place of an earlier one.
const SET: &str = "INSERT INTO meta (name, value) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// Stores a value under a name, unless the name has one. Returns the name's value.
pub(super) fn init(tx: &Tx<'_>, name: &str, value: &[u8]) -> rusqlite::Result<Vec<u8>> {
    tx.statement("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING")?
        .execute((name, value))?;
    tx.statement("SELECT value FROM meta WHERE name = ?")?
        .query_row([name], |row| row.get(0))
}

/// Stores a value under a name, in place of an earlier one.
///
/// # Errors
///
/// [`StoreError::Full`] if the disk has too little room.
pub(super) fn set(tx: &Tx<'_>, name: &str, value: &[u8]) -> Result<(), JobError> {
    if !tx.has_disk_space {
        return Err(StoreError::Full(Limit::Disk).into());
    }
    tx.statement(SET)?.execute((name, value))?;
    Ok(())
}

/// Replaces the value of a name, or removes it, if the name still has the expected value.
///
/// # Errors
///
/// [`StoreError::Full`] if the disk has too little room.
pub(super) fn replace(
    tx: &Tx<'_>,
    name: &str,
    expected: Option<&[u8]>,
    value: Option<&[u8]>,
) -> Result<bool, JobError> {
    if !tx.has_disk_space {
        return Err(StoreError::Full(Limit::Disk).into());
    }
    if read(tx.db, name)?.as_deref() != expected {
        return Ok(false);
    }
    match value {
        Some(value) => tx.statement(SET)?.execute((name, value))?,
        None => tx
            .statement("DELETE FROM meta WHERE name = ?")?
            .execute([name])?,
    };
    Ok(true)
}

/// Returns the values whose names have this beginning.
pub(super) fn list(db: &Connection, prefix: &str) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    let sql = "SELECT name, value FROM meta WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Reads the value of a name from a closed store. Returns `None` if there is no such store, or a
/// process has it open.
pub(crate) fn read_from_file(file: &Path, name: &str) -> Option<Vec<u8>> {
    let file = canonical(file).ok()?;
    if has_wal(&file) {
        return None;
    }
    // With `immutable` SQLite does without the files that readers share with a writer.
    let path = file.to_str()?.replace('%', "%25");
    let path = path.replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(format!("file:{path}?immutable=1"), flags).ok()?;
    read(&db, name).ok()?
}

/// Returns the id of the last requeue that affected a queue.
pub(super) fn last_requeue(db: &Connection, queue: &str) -> rusqlite::Result<Option<Uuid>> {
    let id = read(db, &requeue_key(queue))?;
    Ok(id.and_then(|id| Uuid::from_slice(&id).ok()))
}

/// Records that a requeue affected a queue, so that every gate notices it.
pub(super) fn record_requeue(tx: &Tx<'_>, queue: &str) -> rusqlite::Result<()> {
    tx.statement(SET)?
        .execute((requeue_key(queue), Uuid::now_v7().as_bytes()))?;
    Ok(())
}

fn read(db: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    db.prepare_cached("SELECT value FROM meta WHERE name = ?")?
        .query_row([name], |row| row.get(0))
        .optional()
}
