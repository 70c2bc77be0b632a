//! The output of `cartgate inbox`: for people within 80 columns and with ages, as JSON with times.
//! Untrusted text is made safe for a terminal.

mod delivery;
mod event;
mod stats;
mod text;

pub(super) use delivery::{HEADINGS, JsonRow, Line};
pub(super) use event::{Event, event_json};
pub(super) use stats::{StatsTable, stats_json};

#[cfg(test)]
mod tests;
