//! The errors of a store, whichever engine it uses.

use crate::outcome::reject_reason::NotStored;

/// Why a store did not carry out an operation.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StoreError {
    /// A limit of the inbox is reached. The store resumes by itself.
    #[error("the inbox is full: {0}")]
    Full(Limit),
    /// One body has as many undelivered copies as it may have.
    #[error("too many undelivered copies of one body")]
    Copies,
    /// The operation failed this time: the store is busy, unreachable, or out of disk space. The
    /// outcome of a commit may be unknown.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
    /// A sync failed, or a fault as severe occurred. The store acknowledges nothing more until a
    /// restart has checked it.
    #[error("the store has failed and needs a restart: {0}")]
    Failed(String),
}

/// The limit that an inbox has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Limit {
    #[error("it holds the maximum number of events")]
    Events,
    #[error("it holds the maximum number of bytes")]
    Bytes,
    #[error("the free space on the disk is below its floor")]
    Disk,
}

impl From<&StoreError> for NotStored {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full(_) => Self::Full,
            StoreError::Copies => Self::Copies,
            StoreError::Unavailable(_) => Self::Unavailable,
            StoreError::Failed(_) => Self::Failed,
        }
    }
}
