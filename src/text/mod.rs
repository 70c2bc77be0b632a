//! Text formats: RFC 3339 times, text that is safe on a terminal, and errors with their causes.

pub(crate) mod error_chain;
pub(crate) mod rfc3339;
pub(crate) mod terminal;
