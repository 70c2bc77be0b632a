//! Text formats: RFC 3339 times, text that is safe on a terminal, words for a shell, errors with
//! their causes, and errors about files.

pub(crate) mod error_chain;
pub(crate) mod file_error;
pub(crate) mod rfc3339;
pub(crate) mod shell;
pub(crate) mod terminal;
