//! Maps PostgreSQL's errors to those of a store, without the values of the failed statement.

use tokio_postgres::{Error, error::SqlState};

use crate::{
    inbox::store::error::{Limit, StoreError},
    text::error_chain::error_chain,
};

/// Describes an error, without the details in which a server repeats values.
pub(super) fn describe(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{}, {}", error.message(), error.code().code());
    }
    error_chain(error)
}

/// Whether a session must not be used after an error.
///
/// It goes on after errors in values, conflicts, limits and timeouts. Any other error may last as
/// long as the session: it only reads since a failover, its prepared statements are gone, or the
/// tables have changed.
pub(super) fn ends_session(error: &Error) -> bool {
    let Some(code) = error.code().map(SqlState::code) else {
        return true;
    };
    let passing_classes = ["22", "23", "40", "53", "54", "P0"];
    let passes = passing_classes.iter().any(|class| code.starts_with(class));
    !passes && !["55P03", "57014"].contains(&code)
}

/// Converts the error of a job. If the connection broke during a commit, the outcome of the commit
/// is unknown.
pub(super) fn store_error(error: &Error) -> StoreError {
    if error.code() == Some(&SqlState::DISK_FULL) {
        return StoreError::Full(Limit::Disk);
    }
    StoreError::Unavailable(describe(error))
}
