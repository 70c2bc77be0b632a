//! Text formats: RFC 3339 times, and text that is safe on a terminal.

pub(crate) mod rfc3339;
pub(crate) mod terminal;
