//! Why a PostgreSQL store could not be opened. Each reason says what to do, and none holds the password.

use tokio_postgres::{Error, error::SqlState};

use super::{fault::words, url::UrlError};
use crate::net::connect::ConnectorError;

/// It could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the inbox in PostgreSQL cannot be opened: {0}")]
pub(crate) struct OpenError(#[from] pub(crate) Why);

/// Why not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Why {
    #[error("the address cannot be used: {0}")]
    Address(UrlError),
    #[error("{0}")]
    Trust(ConnectorError),
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the server did not answer in time")]
    Silent,
    #[error("it refuses the user or the password ({0})")]
    Login(String),
    #[error("there is no such database ({0}); make it: createdb, owned by the gate's user")]
    NoDatabase(String),
    #[error("its user may not do that ({0}); make that user the database's owner")]
    Permission(String),
    #[error(
        "it holds tables of another program by the names that an inbox needs; give the inbox a database of its own"
    )]
    Foreign,
    #[error(
        "a newer Cartgate wrote it (schema {found}, this one knows {known}); use that one, or a backup from before"
    )]
    Newer { found: usize, known: usize },
    #[error(
        "an earlier development build of Cartgate wrote it (schema {found}, this one knows {known}); drain it with that build, or remove it"
    )]
    Earlier { found: usize, known: usize },
    #[error("its tables are gone; put a backup in place, or restart the gate to begin a new inbox")]
    Gone,
    #[error(
        "the server only reads ({0}): it is a standby, or `default_transaction_read_only` is on; name the server that writes"
    )]
    ReadOnly(String),
    #[error(
        "a pooler in transaction mode lies before the server, where prepared statements and settings get lost; connect directly, or set `pool_mode = session`"
    )]
    Pooler,
    #[error("{0}")]
    Database(String),
    #[error("no thread for it: {0}")]
    Thread(std::io::Error),
}

impl From<Error> for Why {
    fn from(error: Error) -> Self {
        let said = words(&error);
        match error.code() {
            Some(code) if code.code().starts_with("28") => Self::Login(said),
            Some(&SqlState::INVALID_CATALOG_NAME) => Self::NoDatabase(said),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Self::Permission(said),
            Some(_) => Self::Database(said),
            // The driver has no other sign for a server that does not fit `target_session_attrs`.
            None if said.contains("does not allow writes") => Self::ReadOnly(said),
            None => Self::Unreachable(said),
        }
    }
}
