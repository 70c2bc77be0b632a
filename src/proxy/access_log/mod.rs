//! The end of every request: its counts and its line in the log. Clients never see either.

pub(crate) mod entry;
mod hint;
pub(crate) mod line;

pub(crate) use entry::Entry;
