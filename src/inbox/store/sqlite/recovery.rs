//! What a start does about the last end. Where that was none (a process that was killed, a power cut, a failed sync) SQLite
//! brings back from the log what was committed; here the store is looked over before anybody relies on it.

use std::{fs, time::Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior::Immediate};

use super::{
    fault::judge,
    file::{Taken, beside},
    log::move_into_file,
    open_error::Why,
    stamp,
};
use crate::{inbox::store::StoreError, runtime::clock::Millis};

/// Pages and how they hang together: what a log that is not this file's or a page that was torn would break.
const STRUCTURE: &str = "PRAGMA quick_check(1)";

/// That, and whether each index has what its table has: a page may be whole and yet an old one, where a write was dropped.
const ALL: &str = "PRAGMA integrity_check(1)";

/// Leases that have not ended. Along the index of what is pending, whose rest is due or waits for its next attempt.
const HELD: &str = "UPDATE delivery INDEXED BY delivery_due SET held = 0, due = ?1
     WHERE state = 0 AND due > ?1 AND held = 1";

/// Says why the start takes a while.
pub(super) fn announce(taken: &Taken) {
    if is_due(taken) {
        let files = [taken.file.clone(), beside(&taken.file, "-wal")];
        let sizes = files.iter().filter_map(|file| fs::metadata(file).ok());
        tracing::warn!(
            file = %taken.file.display(),
            bytes = sizes.map(|file| file.len()).sum::<u64>(),
            a_sync_had_failed = taken.is_doubted(),
            "the inbox was not closed: it is looked over before anything is served"
        );
    }
}

/// Makes sure of what the last end has left, and ends the leases of a gate that is gone.
pub(super) fn recover(db: &Connection, taken: &Taken, now: Millis) -> Result<(), Why> {
    if is_due(taken) {
        let begun = Instant::now();
        look_over(db, taken.is_doubted())?;
        write_anew(db, taken)?;
        taken.trust();
        tracing::info!(took = ?begun.elapsed(), "the inbox is whole");
    }
    release(db, taken, now)
}

fn is_due(taken: &Taken) -> bool {
    taken.unclean || taken.is_doubted()
}

fn look_over(db: &Connection, all: bool) -> Result<(), Why> {
    let how = if all { ALL } else { STRUCTURE };
    let found: String = db.query_row(how, [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    Err(Why::Damaged(found))
}

/// Moves the log into the file. Of a log or a file whose sync has failed the kernel may show what the disk never got, and not
/// write it any more: what is committed next would stand behind a gap. Moved, each page is written once again.
fn write_anew(db: &Connection, taken: &Taken) -> Result<(), Why> {
    let moved = move_into_file(db, "TRUNCATE");
    unless_lost(moved, taken).map(drop)
}

/// The file is this process's alone, so whoever had claimed a delivery is gone; its claim counts as none.
fn release(db: &Connection, taken: &Taken, now: Millis) -> Result<(), Why> {
    let released = unless_lost(due_at_once(db, now), taken)?;
    if let Some(deliveries @ 1..) = released {
        tracing::info!(
            deliveries,
            "due at once: the last gate was at them when it ended"
        );
    }
    Ok(())
}

/// The first transaction of a start. It says that a backup from before is another file.
fn due_at_once(db: &Connection, now: Millis) -> rusqlite::Result<usize> {
    let transaction = Transaction::new_unchecked(db, Immediate)?;
    stamp::raise(&transaction)?;
    let released = transaction.execute(HELD, [now])?;
    transaction.commit()?;
    Ok(released)
}

/// An error that has lost nothing is none: what it kept from being done comes about later by itself. A disk without room has all
/// in its log.
fn unless_lost<T>(done: rusqlite::Result<T>, taken: &Taken) -> Result<Option<T>, Why> {
    match done {
        Err(error) if matches!(judge(&error), StoreError::Failed(_)) => {
            taken.doubt();
            Err(error.into())
        }
        done => Ok(done.ok()),
    }
}
