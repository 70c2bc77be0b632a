//! Maps SQLite's errors to those of a store: the operation may succeed the next time, or the store
//! has failed for good.

use rusqlite::{
    ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure},
    ffi,
};

use crate::inbox::store::error::StoreError;

/// Why a job failed.
#[derive(Debug)]
pub(super) enum JobError {
    /// SQLite could not do it.
    Sql(rusqlite::Error),
    /// The store rejects it.
    Rejected(StoreError),
}

impl From<rusqlite::Error> for JobError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Rejected(error)
    }
}

impl From<JobError> for StoreError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Sql(error) => classify(&error),
            JobError::Rejected(error) => error,
        }
    }
}

/// Classifies an error of SQLite.
///
/// After a failed write or sync the state of the disk is unknown, and a second sync may succeed
/// although pages were dropped. A full disk is reported before anything is lost, and the index of
/// the log holds no data of its own.
pub(super) fn classify(error: &rusqlite::Error) -> StoreError {
    let wal_index = [
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMMAP,
        ffi::SQLITE_IOERR_SHMLOCK,
        ffi::SQLITE_IOERR_NOMEM,
    ];
    let code = error.sqlite_extended_error_code();
    let code = code.filter(|code| !wal_index.contains(code));
    let may_lose_data = matches!(
        error.sqlite_error_code(),
        Some(SystemIoFailure | DatabaseCorrupt | NotADatabase)
    );
    match code {
        Some(code) if may_lose_data => StoreError::Failed(format!("{error} (SQLite code {code})")),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// Makes an error with this code.
#[cfg(test)]
pub(super) fn sqlite_failure(code: std::ffi::c_int) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_that_may_lose_a_write_end_the_store() {
        let ends = [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_NOTADB,
        ];
        for code in ends {
            let error = classify(&sqlite_failure(code));
            assert!(matches!(error, StoreError::Failed(_)), "{code}");
        }
        let passes = [
            ffi::SQLITE_FULL,
            ffi::SQLITE_BUSY,
            ffi::SQLITE_CONSTRAINT,
            ffi::SQLITE_IOERR_SHMSIZE,
        ];
        for code in passes {
            let error = classify(&sqlite_failure(code));
            assert!(matches!(error, StoreError::Unavailable(_)), "{code}");
        }
    }
}
