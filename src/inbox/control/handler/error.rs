//! The errors of commands.

use super::super::command::Page;
use crate::inbox::store::StoreError;

/// A command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no durable destination is named {0:?}")]
    Destination(String),
    #[error("a command can name {most} events at most", most = Page::MOST)]
    TooMany,
}
