//! Counters, histograms and the log.

pub(crate) mod count;
pub(crate) mod histogram;
pub mod log;
pub(crate) mod tally;
