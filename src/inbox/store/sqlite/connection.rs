//! Connections to a store's file, with what has to be set of each.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

/// Nobody else writes; it is for the moments in which the log is begun anew.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// Most kept of the file in memory, in KiB: the writer's holds the index of some hundred thousand digests.
const WRITER_CACHE: i64 = 64 << 10;
const READER_CACHE: i64 = 8 << 10;

const STATEMENTS: usize = 64;

pub(super) fn writing(file: &Path) -> rusqlite::Result<Connection> {
    let db = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE)?;
    // The log is synced in each commit, so 200 means kept. With NORMAL it would be synced now and then.
    db.pragma_update(None, "synchronous", "FULL")?;
    // What was removed is somebody's personal data: else it would stay in free pages, and go into backups.
    db.pragma_update(None, "secure_delete", true)?;
    Ok(db)
}

pub(super) fn reading(file: &Path) -> rusqlite::Result<Connection> {
    let db = open(file, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE)?;
    // The first look opens the log, too.
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(db)
}

fn open(file: &Path, mode: OpenFlags, cache: i64) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(file, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // After a failed sync nothing must be moved into the file; the writer does it where all went well.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.pragma_update(None, "cache_size", -cache)?;
    db.pragma_update(None, "foreign_keys", true)?;
    // Nothing of a payload goes into a file elsewhere.
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(db)
}
