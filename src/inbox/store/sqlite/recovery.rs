//! Recovery at a start. After an unclean end (a killed process, a power cut, a failed sync) SQLite
//! restores committed work from the log; this module then checks the store before anything relies
//! on it.

use std::{fs, time::Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior::Immediate};

use super::{
    error::classify, file::LockedFile, open_error::OpenErrorKind, path::with_suffix, stamp,
    wal::checkpoint,
};
use crate::{inbox::store::error::StoreError, runtime::clock::Millis};

/// Checks the pages and their links, which a log of another file or a torn page would break.
const CHECK_STRUCTURE: &str = "PRAGMA quick_check(1)";

/// Also compares each index with its table. A dropped write leaves a page that is whole but old.
const CHECK_ALL: &str = "PRAGMA integrity_check(1)";

/// Ends leases. Walks the index of pending deliveries; the others are due or wait for their next
/// attempt.
const END_LEASES: &str = "UPDATE delivery INDEXED BY delivery_due SET held = 0, due = ?1
     WHERE state = 0 AND due > ?1 AND held = 1";

/// Logs why the start takes a while, if the store needs a check.
pub(super) fn announce(file: &LockedFile) {
    if needs_check(file) {
        let files = [file.path.clone(), with_suffix(&file.path, "-wal")];
        let sizes = files.iter().filter_map(|file| fs::metadata(file).ok());
        tracing::warn!(
            file = %file.path.display(),
            bytes = sizes.map(|file| file.len()).sum::<u64>(),
            a_sync_had_failed = file.has_failed_sync(),
            "inbox was not closed cleanly; checking it before the start"
        );
    }
}

/// Checks the store after an unclean end, and ends the leases of the last gate.
pub(super) fn recover(
    db: &Connection,
    file: &LockedFile,
    now: Millis,
) -> Result<(), OpenErrorKind> {
    if needs_check(file) {
        let begun = Instant::now();
        check(db, file.has_failed_sync())?;
        rewrite_log(db, file)?;
        file.clear_failed_sync();
        tracing::info!(took = ?begun.elapsed(), "inbox is intact");
    }
    end_leases(db, file, now)
}

fn needs_check(file: &LockedFile) -> bool {
    file.is_unclean || file.has_failed_sync()
}

fn check(db: &Connection, all: bool) -> Result<(), OpenErrorKind> {
    let sql = if all { CHECK_ALL } else { CHECK_STRUCTURE };
    let found: String = db.query_row(sql, [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    Err(OpenErrorKind::Damaged(found))
}

/// Writes every page of the log once more, by a checkpoint.
///
/// After a failed fsync the page cache may hold data that never reached the disk and will not be
/// retried. A commit after that data would stand behind a gap.
fn rewrite_log(db: &Connection, file: &LockedFile) -> Result<(), OpenErrorKind> {
    let moved = checkpoint(db, "TRUNCATE");
    ignore_unless_lost(moved, file).map(drop)
}

/// Ends the leases of the last gate. The file is locked for this process, so no other gate holds a
/// claim.
fn end_leases(db: &Connection, file: &LockedFile, now: Millis) -> Result<(), OpenErrorKind> {
    let ended = ignore_unless_lost(try_end_leases(db, now), file)?;
    if let Some(deliveries @ 1..) = ended {
        tracing::info!(
            deliveries,
            "deliveries under way at the last end are due now"
        );
    }
    Ok(())
}

/// Ends the leases in the first transaction of a start, which raises the stamp and so disowns
/// earlier backups.
pub(super) fn try_end_leases(db: &Connection, now: Millis) -> rusqlite::Result<usize> {
    let transaction = Transaction::new_unchecked(db, Immediate)?;
    stamp::raise(&transaction)?;
    let ended = transaction.execute(END_LEASES, [now])?;
    transaction.commit()?;
    Ok(ended)
}

/// Ignores errors that lose no data; the skipped step runs again by itself. A full disk still has
/// all data in its log.
fn ignore_unless_lost<T>(
    result: rusqlite::Result<T>,
    file: &LockedFile,
) -> Result<Option<T>, OpenErrorKind> {
    match result {
        Err(error) if matches!(classify(&error), StoreError::Failed(_)) => {
            file.record_failed_sync();
            Err(error.into())
        }
        result => Ok(result.ok()),
    }
}
