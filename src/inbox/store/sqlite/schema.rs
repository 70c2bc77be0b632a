//! The tables of an SQLite store and their version. A store of another version is rejected.
//!
//! The meaning of the tables is in `docs`. Both engines have the same tables, with two differences:
//! here the bytes of a body are in a table of their own, because SQLite rewrites a whole row when
//! one of its numbers changes; and a delivery has a flag for its claim, because a start knows that
//! no other gate holds any.

use rusqlite::{Connection, TransactionBehavior::Immediate};

use super::{header, open_error::OpenErrorKind, stamp};
use crate::inbox::store::schema_version;

const TABLES: &str = include_str!("schema.sql");

/// Creates the tables if there are none, after a check that the file is an inbox.
pub(super) fn prepare(db: &mut Connection) -> Result<(), OpenErrorKind> {
    let version = stamp::version(user_version(db)?);
    schema_version::check(version)?;
    db.pragma_update(None, "page_size", header::PAGE_SIZE)?;
    if version == 0 {
        // SQLite can return free pages only of a file that had this set before its first table.
        // This writes the first page.
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    // This pragma returns the mode that it sets. It does nothing if the file has that mode already.
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    if version == schema_version::CURRENT {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", header::INBOX)?;
    stamp::write(&transaction, stamp::random(schema_version::CURRENT))?;
    Ok(transaction.commit()?)
}

/// Reads the `user_version` of an inbox. Returns zero for an empty file.
///
/// # Errors
///
/// [`OpenErrorKind::Foreign`] if the file is not an inbox.
fn user_version(db: &Connection) -> Result<u32, OpenErrorKind> {
    let application: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application == i64::from(header::INBOX) {
        return Ok(stamp::read(db)?);
    }
    let is_empty = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
    if db.query_row(is_empty, [], |row| row.get(0))? {
        return Ok(0);
    }
    Err(OpenErrorKind::Foreign)
}
