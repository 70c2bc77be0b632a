//! A copy of a store that is whole in itself, made while the store goes on. (Copied by `cp` it would lack what is in the log,
//! or be half old and half new.)
//!
//! It is made in steps by the connection that writes: SQLite then brings each change into the copy, too. Another connection
//! would have to read all of the file at one go, and the log would grow as long as that takes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use tokio::sync::oneshot;

use super::{fault::judge, file::create_new, stamp};
use crate::inbox::store::StoreError;

/// Pages that are copied between two commits.
const STEP: i32 = 128;

/// A copy that is wanted.
pub(super) struct Request {
    pub(super) to: PathBuf,
    pub(super) asker: oneshot::Sender<Result<(), StoreError>>,
}

impl Request {
    /// Copies the store; calls `between` after each step. Ends early, and leaves no file, if nobody waits for it any more.
    pub(super) fn carry_out(self, db: &Connection, between: impl FnMut()) {
        let Self { to, mut asker } = self;
        let copied = backup(db, &to, &mut asker, between);
        let _ = asker.send(copied);
    }
}

fn backup(
    db: &Connection,
    to: &Path,
    asker: &mut oneshot::Sender<Result<(), StoreError>>,
    between: impl FnMut(),
) -> Result<(), StoreError> {
    let unwritable = |error| StoreError::Unavailable(format!("{}: {error}", to.display()));
    drop(create_new(to).map_err(unwritable)?);
    copy(db, to, asker, between).map_err(|error| {
        // What is not whole must not be taken for a backup.
        let _ = fs::remove_file(to);
        match judge(&error) {
            // Of the copy, not of the store.
            StoreError::Failed(why) => StoreError::Unavailable(why),
            other => other,
        }
    })
}

fn copy(
    db: &Connection,
    to: &Path,
    asker: &mut oneshot::Sender<Result<(), StoreError>>,
    mut between: impl FnMut(),
) -> rusqlite::Result<()> {
    let mut copy = Connection::open(to)?;
    let copying = Backup::new(db, &mut copy)?;
    while copying.step(STEP)? != StepResult::Done {
        if asker.is_closed() {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
        between();
    }
    drop(copying);
    // One file without a log of its own.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    stamp::replace(&copy)
}
