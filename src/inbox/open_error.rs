//! The errors of opening an inbox.

use std::{io, path::PathBuf};

use super::{
    key::KeyError,
    store::{StoreError, postgres, sqlite},
};
use crate::inbox::store_address::StoreAddress;

/// An inbox cannot be opened. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct OpenError(#[from] pub(super) OpenErrorKind);

#[derive(Debug, thiserror::Error)]
pub(super) enum OpenErrorKind {
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("an inbox in PostgreSQL needs a key for its seals, the same for each gate")]
    NoKey,
    #[error(
        "the inbox {0} was begun with another key: with this one, all its events would look forged; give it the first key"
    )]
    OtherKey(StoreAddress),
    #[error("the socket {} cannot be made: {error}", .path.display())]
    Socket { path: PathBuf, error: io::Error },
    #[error("the inbox {0} cannot be opened: {1}")]
    Store(StoreAddress, StoreError),
}

impl OpenError {
    /// Returns whether another process has the file open. It may end soon, or listen on its socket.
    pub(crate) fn is_in_use(&self) -> bool {
        let OpenErrorKind::Sqlite(error) = &self.0 else {
            return false;
        };
        error.is_in_use()
    }
}
