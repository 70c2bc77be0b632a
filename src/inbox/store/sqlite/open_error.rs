//! Why an SQLite store could not be opened. Each reason states the remedy.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::inbox::store::schema_version::SchemaError;

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the inbox {} cannot be opened: {kind}", .file.display())]
pub(crate) struct OpenError {
    pub(super) file: PathBuf,
    pub(super) kind: OpenErrorKind,
}

/// The reason why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenErrorKind {
    #[error(
        "another gate or `cartgate inbox` has it open; stop that process, or give each gate a file of its own (several \
         gates share PostgreSQL)"
    )]
    InUse,
    #[error(
        "it is on a network file system ({0}), whose locks and syncs are unreliable; use a local disk, or PostgreSQL"
    )]
    Network(&'static str),
    #[error(
        "its lock {} is a link or not a regular file, so the gate does not write to it; remove it",
        .0.display()
    )]
    NoLock(PathBuf),
    #[error("its directory is not there; create it, writable for the gate's user")]
    NoDirectory,
    #[error("{0}; the file and its directory must belong to the gate's user and be writable")]
    Access(io::Error),
    #[error("it is another program's file, not an inbox of Cartgate; name another file")]
    Foreign,
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(
        "it is damaged ({0}); restore a backup, or recover what is readable with `sqlite3 FILE .recover`"
    )]
    Damaged(String),
    #[error(
        "the log beside it (-wal) belongs to another file, which was here before, and may hold the last acknowledged \
         events of that file; put that file back, or move the log away to start with this one"
    )]
    ForeignWal,
    #[error("it was replaced while it was being opened; start again")]
    Moved,
    #[error("{0}")]
    Database(rusqlite::Error),
}

impl OpenError {
    /// Whether another process has the store open. That process responds on the socket beside the
    /// file.
    pub(crate) fn is_in_use(&self) -> bool {
        matches!(self.kind, OpenErrorKind::InUse)
    }
}

impl OpenErrorKind {
    pub(super) fn at(self, file: &Path) -> OpenError {
        OpenError {
            file: file.to_owned(),
            kind: self,
        }
    }
}

impl From<rusqlite::Error> for OpenErrorKind {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{
            CannotOpen, DatabaseCorrupt, NotADatabase, PermissionDenied, ReadOnly,
        };
        match error.sqlite_error_code() {
            Some(NotADatabase) => Self::Foreign,
            Some(DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(CannotOpen | PermissionDenied | ReadOnly) => {
                Self::Access(io::Error::other(error.to_string()))
            }
            _ => Self::Database(error),
        }
    }
}
