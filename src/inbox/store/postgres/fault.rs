//! PostgreSQL's errors in the words and kinds of a store. Never with what was to be stored.

use std::{error::Error as _, fmt::Write as _};

use tokio_postgres::{Error, error::SqlState};

use crate::inbox::store::{Limit, StoreError};

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

/// Whether a session may be used no more after an error. It goes on after errors of what was to be written, conflicts, limits
/// and timeouts. Any other may stay as long as the session: it only reads since a failover, its prepared statements are gone,
/// the tables have changed.
pub(super) fn ends_session(error: &Error) -> bool {
    let Some(code) = error.code().map(SqlState::code) else {
        return true;
    };
    let passing_classes = ["22", "23", "40", "53", "54", "P0"];
    let passes = passing_classes.iter().any(|class| code.starts_with(class));
    !passes && !["55P03", "57014"].contains(&code)
}

/// An error in the middle of work. Where the connection broke during a commit, nobody knows whether it came about.
pub(super) fn fault(error: &Error) -> StoreError {
    if error.code() == Some(&SqlState::DISK_FULL) {
        return StoreError::Full(Limit::Disk);
    }
    StoreError::Unavailable(words(error))
}
