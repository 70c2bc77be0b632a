//! What an error of SQLite's means for a store: gone the next time, or never again.

use rusqlite::{
    ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure},
    ffi,
};

use crate::inbox::store::StoreError;

/// Why a piece of work came to nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite could not do it.
    Sql(rusqlite::Error),
    /// It must not be done.
    Refused(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => judge(&error),
            Fault::Refused(refused) => refused,
        }
    }
}

/// After a write or a sync that failed nobody knows what is on the disk, and asking again may get a yes for pages that
/// were dropped. A full disk says so before anything is lost; and the index of the log holds nothing of its own.
pub(super) fn judge(error: &rusqlite::Error) -> StoreError {
    let index_of_log = [
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMMAP,
        ffi::SQLITE_IOERR_SHMLOCK,
        ffi::SQLITE_IOERR_NOMEM,
    ];
    let code = error.sqlite_extended_error_code();
    let code = code.filter(|code| !index_of_log.contains(code));
    let lost = matches!(
        error.sqlite_error_code(),
        Some(SystemIoFailure | DatabaseCorrupt | NotADatabase)
    );
    match code {
        Some(code) if lost => StoreError::Failed(format!("{error} (SQLite's code {code})")),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
pub(super) fn failure(code: std::ffi::c_int) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_lost_a_write_ends_the_store_and_nothing_else_does() {
        let ends = [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_NOTADB,
        ];
        for code in ends {
            assert!(
                matches!(judge(&failure(code)), StoreError::Failed(_)),
                "{code}"
            );
        }
        let passes = [
            ffi::SQLITE_FULL,
            ffi::SQLITE_BUSY,
            ffi::SQLITE_CONSTRAINT,
            ffi::SQLITE_IOERR_SHMSIZE,
        ];
        for code in passes {
            assert!(
                matches!(judge(&failure(code)), StoreError::Unavailable(_)),
                "{code}"
            );
        }
    }
}
