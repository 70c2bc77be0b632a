//! The output of `cartgate inbox` for people: within 80 columns, with ages. Untrusted text is made
//! safe for a terminal. The JSON is that of the API.

mod delivery;
mod event;
mod profile;
mod stats;
mod text;

pub(super) use delivery::{HEADINGS, Line};
pub(super) use event::Event;
pub(super) use profile::ProfileTable;
pub(super) use stats::StatsTable;

#[cfg(test)]
mod tests;
