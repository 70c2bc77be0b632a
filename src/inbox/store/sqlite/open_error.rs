//! Why an SQLite store could not be opened. Each reason says what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

/// It could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the inbox {} cannot be opened: {why}", .file.display())]
pub(crate) struct OpenError {
    pub(crate) file: PathBuf,
    pub(crate) why: Why,
}

/// Why not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Why {
    /// Whoever it is can be asked over the socket beside the file.
    #[error(
        "another gate or `cartgate inbox` has it open; stop that one, or give each gate a file of its own (several gates share PostgreSQL)"
    )]
    InUse,
    #[error(
        "it lies on a network file system ({0}), whose locks and syncs are not to be relied on; use a local disk, or PostgreSQL"
    )]
    Network(&'static str),
    #[error(
        "its lock {} is a link or no regular file, and is not written to; remove it",
        .0.display()
    )]
    NoLock(PathBuf),
    #[error("its directory is not there; make it, writable for the gate's user")]
    NoDirectory,
    #[error("{0}; the file and its directory must be the gate's user's, and writable")]
    Access(io::Error),
    #[error("it is another program's file, not an inbox of Cartgate; name another one")]
    Foreign,
    #[error(
        "a newer Cartgate wrote it (schema {found}, this one knows {known}); use that one, or a backup from before"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "an earlier development build of Cartgate wrote it (schema {found}, this one knows {known}); drain it with that build, or remove it"
    )]
    Earlier { found: i64, known: i64 },
    #[error(
        "it is damaged ({0}); put a backup in its place, or rescue what can be read by `sqlite3 FILE .recover`"
    )]
    Damaged(String),
    #[error(
        "the log beside it (-wal) belongs to another file, which lay here before; it may hold the last acknowledged events of that file. Put that file back, or move the log away to start with this one"
    )]
    OtherLog,
    #[error("it was replaced while it was being opened; start again")]
    Moved,
    #[error("{0}")]
    Database(rusqlite::Error),
}

impl Why {
    pub(super) fn of(self, file: &Path) -> OpenError {
        OpenError {
            file: file.to_owned(),
            why: self,
        }
    }
}

impl From<rusqlite::Error> for Why {
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
