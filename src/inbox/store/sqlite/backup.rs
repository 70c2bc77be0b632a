//! A copy of a store that is whole in itself, made while the store goes on. (Copied by `cp` it would lack what is in the log,
//! or be half old and half new.)

use std::{fs, path::Path};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
    ffi,
};

use super::{connection, fault::judge, file::create_new};
use crate::inbox::store::StoreError;

/// Every page in one step: a copy in steps begins anew whenever something was written between two of them.
const ALL: i32 = -1;

pub(super) fn backup(file: &Path, to: &Path) -> Result<(), StoreError> {
    let unwritable = |error| StoreError::Unavailable(format!("{}: {error}", to.display()));
    drop(create_new(to).map_err(unwritable)?);
    copy(file, to).map_err(|error| {
        // What is not whole must not be taken for a backup.
        let _ = fs::remove_file(to);
        match judge(&error) {
            // Of the copy, not of the store.
            StoreError::Failed(why) => StoreError::Unavailable(why),
            other => other,
        }
    })
}

fn copy(file: &Path, to: &Path) -> rusqlite::Result<()> {
    let from = connection::reading(file)?;
    let mut copy = Connection::open(to)?;
    match Backup::new(&from, &mut copy)?.step(ALL)? {
        StepResult::Done => Ok(()),
        // For the moments in which the log is begun anew; nothing was copied.
        _ => Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_BUSY),
            Some("the store is busy; ask again".to_owned()),
        )),
    }
}
