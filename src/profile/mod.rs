//! The profile of the sender and of its payloads, learned from verified deliveries.
//!
//! ```text
//! worker ── a few samples per second ──► learner ──► book: one profile per endpoint
//!                                                      │  changes: status, metrics, log
//!                                                      │  view: API, console, command line
//!                                                      └► inbox, once a minute and at a drain
//! ```
//!
//! A profile contains names, counts and keyed digests, and never a value of a payload. A key of an
//! object may be a value, such as an address: it is named only once it is frequent, and never if it
//! looks like a value. Every part is bounded, whatever the payloads contain.

mod book;
mod digest;
mod key_name;
mod learned;
mod learner;
pub(crate) mod offline;
mod profiler;
mod reading;
mod rhythm;
mod sample;
mod scalar;
mod sender;
mod shape;
mod stored;
mod suggestion;
#[cfg(test)]
mod tests;
mod types;
pub(crate) mod view;

pub(crate) use digest::DigestKey;
pub(crate) use profiler::Profiler;
pub(crate) use sample::VerifiedSample;
pub(crate) use shape::Change;
