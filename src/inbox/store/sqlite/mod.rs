//! The store of one gate.

mod open_error;

pub(crate) use open_error::OpenError;
