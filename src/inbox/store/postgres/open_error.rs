//! Why a PostgreSQL store could not be opened. Each reason states the remedy, and none holds the
//! password.

use tokio_postgres::{Error, error::SqlState};

use super::error::describe;
use crate::{
    inbox::{postgres_url::UrlError, store::schema_version::SchemaError},
    net::connect::ConnectorError,
};

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the inbox in PostgreSQL cannot be opened: {0}")]
pub(crate) struct OpenError(#[from] OpenErrorKind);

/// The reason why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenErrorKind {
    #[error("the address cannot be used: {0}")]
    Address(UrlError),
    #[error("{0}")]
    Trust(ConnectorError),
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the server did not respond in time")]
    Silent,
    #[error("the server rejects the user or the password ({0})")]
    Login(String),
    #[error("there is no such database ({0}); create it with createdb, owned by the gate's user")]
    NoDatabase(String),
    #[error("its user lacks a permission ({0}); make that user the owner of the database")]
    Permission(String),
    #[error(
        "it holds tables of another program under the names that an inbox needs; give the inbox a database of its own"
    )]
    Foreign,
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("its tables are gone; restore a backup, or restart the gate to begin a new inbox")]
    Gone,
    #[error(
        "the server is read-only ({0}): it is a standby, or `default_transaction_read_only` is on; name the primary"
    )]
    ReadOnly(String),
    #[error(
        "a pooler in transaction or statement mode is in front of the server, where prepared statements and settings get \
         lost; connect directly, or set `pool_mode = session`"
    )]
    Pooler,
    #[error("{0}")]
    Database(String),
    #[error("its thread cannot be started: {0}")]
    Thread(std::io::Error),
}

impl From<Error> for OpenErrorKind {
    fn from(error: Error) -> Self {
        let text = describe(&error);
        match error.code() {
            Some(code) if code.code().starts_with("28") => Self::Login(text),
            Some(&SqlState::INVALID_CATALOG_NAME) => Self::NoDatabase(text),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Self::Permission(text),
            Some(_) => Self::Database(text),
            // The driver has no other sign for a server that does not fit `target_session_attrs`.
            None if text.contains("does not allow writes") => Self::ReadOnly(text),
            None => Self::Unreachable(text),
        }
    }
}
