//! Connections to a store's file, with their settings.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

/// How long a connection waits for another. There is one writer, so it waits only while the log is
/// begun anew.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// KiB of the file that a connection caches. The writer's cache holds the index of some hundred
/// thousand digests.
const WRITER_CACHE: i64 = 64 << 10;
const READER_CACHE: i64 = 8 << 10;

const STATEMENT_CACHE: usize = 64;

/// Opens the connection that writes.
pub(super) fn open_writer(file: &Path) -> rusqlite::Result<Connection> {
    let db = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE)?;
    // Each commit syncs the log, so a 200 means stored. With NORMAL only checkpoints would sync it.
    db.pragma_update(None, "synchronous", "FULL")?;
    // Removed events are personal data, which would otherwise stay in free pages and get into
    // backups.
    db.pragma_update(None, "secure_delete", true)?;
    Ok(db)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let db = open(file, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE)?;
    // The first query opens the log, too.
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(db)
}

fn open(file: &Path, mode: OpenFlags, cache: i64) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(file, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // After a failed sync nothing must be moved into the file. After a clean end the writer runs
    // the checkpoint itself.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    db.pragma_update(None, "cache_size", -cache)?;
    db.pragma_update(None, "foreign_keys", true)?;
    // No part of a payload gets into a temporary file.
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(db)
}
