//! PostgreSQL's errors in the words and kinds of a store. Never with what was to be stored.

use std::{error::Error as _, fmt::Write as _};

use tokio_postgres::{Error, error::SqlState};

use crate::inbox::store::{Full, StoreError};

/// What went wrong, without the details in which a server repeats values.
pub(super) fn words(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{}, {}", said.message(), said.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// An error in the middle of work. Where the connection broke during a commit, nobody knows whether it came about.
pub(super) fn fault(error: &Error) -> StoreError {
    if error.code() == Some(&SqlState::DISK_FULL) {
        return StoreError::Full(Full::Disk);
    }
    StoreError::Unavailable(words(error))
}
