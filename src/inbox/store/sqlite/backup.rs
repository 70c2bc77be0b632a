//! A complete copy of a store, made while the store is in use. (A copy by `cp` would lack the log,
//! or mix old and new pages.)
//!
//! The connection that writes makes the copy in steps, so SQLite applies each change to the copy as
//! well. Another connection would have to read the whole file in one transaction, and the log would
//! grow for as long as that takes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use tokio::sync::oneshot;

use super::{error::classify, file::create_new, stamp};
use crate::inbox::store::error::StoreError;

/// Pages that are copied between two commits.
const STEP: i32 = 128;

/// A request for a copy.
pub(super) struct BackupRequest {
    pub(super) to: PathBuf,
    pub(super) reply: oneshot::Sender<Result<(), StoreError>>,
}

impl BackupRequest {
    /// Copies the store, and calls `between` after each step. Ends early, and leaves no file, once
    /// the caller is gone.
    pub(super) fn run(self, db: &Connection, between: impl FnMut()) {
        let Self { to, mut reply } = self;
        let result = backup(db, &to, &mut reply, between);
        let _ = reply.send(result);
    }
}

fn backup(
    db: &Connection,
    to: &Path,
    reply: &mut oneshot::Sender<Result<(), StoreError>>,
    between: impl FnMut(),
) -> Result<(), StoreError> {
    let unwritable = |error| StoreError::Unavailable(format!("{}: {error}", to.display()));
    drop(create_new(to).map_err(unwritable)?);
    copy(db, to, reply, between).map_err(|error| {
        // An incomplete copy must not be taken for a backup.
        let _ = fs::remove_file(to);
        match classify(&error) {
            // The copy has failed, not the store.
            StoreError::Failed(cause) => StoreError::Unavailable(cause),
            other => other,
        }
    })
}

fn copy(
    db: &Connection,
    to: &Path,
    reply: &mut oneshot::Sender<Result<(), StoreError>>,
    mut between: impl FnMut(),
) -> rusqlite::Result<()> {
    let mut copy = Connection::open(to)?;
    let steps = Backup::new(db, &mut copy)?;
    while steps.step(STEP)? != StepResult::Done {
        if reply.is_closed() {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
        between();
    }
    drop(steps);
    // The copy is one file without a log.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    stamp::replace(&copy)
}
