//! What a start does where the last end was none: a process that was killed, a power cut, a failed sync. SQLite has the log
//! brought back what was committed; here the store is looked over before anybody relies on it.

use std::{fs, time::Instant};

use rusqlite::Connection;

use super::{
    fault::judge,
    file::{Taken, beside},
    open_error::Why,
};
use crate::inbox::store::StoreError;

/// Pages and how they hang together: what a log that is not this file's or a page that was torn would break.
const STRUCTURE: &str = "PRAGMA quick_check(1)";

/// That, and whether each index has what its table has: a page may be whole and yet an old one, where a write was dropped.
const ALL: &str = "PRAGMA integrity_check(1)";

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

/// Looks the store over, all of it where a sync had failed, and then has what is in the log written anew.
pub(super) fn recover(db: &Connection, taken: &Taken) -> Result<(), Why> {
    if !is_due(taken) {
        return Ok(());
    }
    let begun = Instant::now();
    let how = if taken.is_doubted() { ALL } else { STRUCTURE };
    let found: String = db.query_row(how, [], |row| row.get(0))?;
    if found != "ok" {
        return Err(Why::Damaged(found));
    }
    write_anew(db, taken)?;
    taken.trust();
    tracing::info!(took = ?begun.elapsed(), "the inbox is whole");
    Ok(())
}

fn is_due(taken: &Taken) -> bool {
    taken.unclean || taken.is_doubted()
}

/// Moves the log into the file. Of a log or a file whose sync has failed the kernel may show what the disk never got, and not
/// write it any more: what is committed next would stand behind a gap. Moved, each page is written once again.
fn write_anew(db: &Connection, taken: &Taken) -> Result<(), Why> {
    let moved = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    match moved {
        Err(error) if matches!(judge(&error), StoreError::Failed(_)) => {
            taken.doubt();
            Err(error.into())
        }
        // A disk without room has lost nothing: all of it is in the log.
        _ => Ok(()),
    }
}
