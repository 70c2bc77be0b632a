//! The errors of operations.

use super::page_range::PageRange;
use crate::inbox::store::StoreError;

/// The reason why an operation was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperationError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no durable destination is named {0:?}")]
    UnknownDestination(String),
    #[error("one request can name {most} events at most", most = PageRange::MOST)]
    TooManyIds,
}
