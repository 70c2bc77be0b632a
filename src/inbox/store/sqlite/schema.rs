//! The tables and their version. A store of another version is refused. What the tables mean stands in `docs`; both engines have the same, save that here a body's bytes lie apart,
//! since SQLite writes a row anew as a whole when one of its numbers changes; and that a delivery says whether it is held, since a
//! start knows here that nobody else holds any.

use rusqlite::{Connection, TransactionBehavior::Immediate};

use super::{open_error::Why, stamp};

/// Bytes of a page of the file.
pub(super) const PAGE: u32 = 8192;

/// "Cgat": tells an inbox from other programs' files.
pub(super) const APPLICATION: i64 = 0x4367_6174;

const TABLES: &str = include_str!("schema.sql");

/// The version of these tables. Development builds before the first release made version 1, with fewer columns.
const KNOWN: u32 = 2;

/// Refuses the tables of another version. Zero stands for a file without tables.
pub(super) fn judge(version: u32) -> Result<(), Why> {
    let (found, known) = (version.into(), KNOWN.into());
    match version {
        0 | KNOWN => Ok(()),
        1..KNOWN => Err(Why::Earlier { found, known }),
        _ => Err(Why::Newer { found, known }),
    }
}

/// Creates the tables if there are none, after making sure that the file is an inbox's.
pub(super) fn prepare(db: &mut Connection) -> Result<(), Why> {
    let version = stamp::version(stamped_version(db)?);
    judge(version)?;
    db.pragma_update(None, "page_size", PAGE)?;
    if version == 0 {
        // Free pages can be returned only from a file that had this set before its first table. Writes the first page.
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    // It says what it sets. Set again to the same, it does nothing.
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    if version == KNOWN {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    stamp::write(&transaction, stamp::random(KNOWN))?;
    Ok(transaction.commit()?)
}

/// The version of a file with its stamp; zero if nothing was ever written to it.
fn stamped_version(db: &Connection) -> Result<u32, Why> {
    let application: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application == APPLICATION {
        return Ok(stamp::read(db)?);
    }
    let empty = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
    if db.query_row(empty, [], |row| row.get(0))? {
        return Ok(0);
    }
    Err(Why::Foreign)
}
