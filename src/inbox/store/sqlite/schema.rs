//! The tables and their versions. A store of an older version is brought forward as it is opened, one of a newer version
//! refused. What the tables mean stands in `docs`; both engines have the same, save that here a body's bytes lie apart,
//! since SQLite writes a row anew as a whole when one of its numbers changes; and that a delivery says whether it is held, since a
//! start knows here that nobody else holds any.

use rusqlite::{Connection, TransactionBehavior::Immediate};

use super::open_error::Why;

/// Bytes of a page of the file.
pub(super) const PAGE: u32 = 8192;

/// "Cgat": tells an inbox from other programs' files.
const APPLICATION: i64 = 0x4367_6174;

/// One step for each version, from nothing to the newest.
const STEPS: [&str; 1] = [include_str!("schema_1.sql")];

/// Makes the tables, or brings them forward, after making sure that they are an inbox's.
pub(super) fn prepare(db: &mut Connection) -> Result<(), Why> {
    let version = version(db)?;
    let known = STEPS.len();
    let Some(steps) = usize::try_from(version)
        .ok()
        .and_then(|from| STEPS.get(from..))
    else {
        return Err(Why::Newer {
            found: version,
            known: i64::try_from(known).unwrap_or(i64::MAX),
        });
    };
    // Both say what they set and can only be set before there is a table, or again to the same.
    db.pragma_update(None, "page_size", PAGE)?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(Immediate)?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(
        None,
        "user_version",
        i64::try_from(known).unwrap_or(i64::MAX),
    )?;
    Ok(transaction.commit()?)
}

/// Which version a file has; none of them if nothing was ever written to it.
fn version(db: &Connection) -> Result<i64, Why> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    if number("application_id")? == APPLICATION {
        return Ok(number("user_version")?);
    }
    let empty = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
    if db.query_row(empty, [], |row| row.get(0))? {
        return Ok(0);
    }
    Err(Why::Foreign)
}
