//! The tables and their versions. A store of an older version is brought forward as it is opened, one of a newer version
//! refused. What the tables mean stands in `docs`; both engines have the same, save that here a body's bytes lie apart,
//! since SQLite writes a row anew as a whole when one of its numbers changes; and that a delivery says whether it is held, since a
//! start knows here that nobody else holds any.

use rusqlite::{Connection, TransactionBehavior::Immediate};

use super::{open_error::Why, stamp};

/// Bytes of a page of the file.
pub(super) const PAGE: u32 = 8192;

/// "Cgat": tells an inbox from other programs' files.
pub(super) const APPLICATION: i64 = 0x4367_6174;

/// One step for each version, from nothing to the newest.
const STEPS: [&str; 1] = [include_str!("schema_1.sql")];

/// The version of the newest schema.
pub(super) const KNOWN: u32 = STEPS.len() as u32;

/// Creates the tables, or brings them up to date, after making sure that they are an inbox's.
pub(super) fn prepare(db: &mut Connection) -> Result<(), Why> {
    let found = stamped_version(db)?;
    let (version, known) = (stamp::version(found), KNOWN);
    let Some(steps) = STEPS.get(version as usize..) else {
        return Err(Why::Newer {
            found: version.into(),
            known: known.into(),
        });
    };
    db.pragma_update(None, "page_size", PAGE)?;
    if version == 0 {
        // Free pages can be returned only from a file that had this set before its first table. Writes the first page.
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    // It says what it sets. Set again to the same, it does nothing.
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(Immediate)?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    if version == 0 {
        stamp::write(&transaction, stamp::random(known))?;
    } else {
        stamp::write(&transaction, found - version + known)?;
        stamp::raise(&transaction)?;
    }
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
