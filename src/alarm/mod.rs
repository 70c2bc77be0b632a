//! Alarms as webhooks: the conditions that need a person, and the messages about them.
//!
//! ```text
//! report of the gate ──► evaluation ──► engine ──► a queue for each receiver ──► sender ──► POST
//!                                         │
//!                                         └─► records: raised or over, shared by the gates of a store
//! ```
//!
//! A message consists of names in the configuration, numbers and fixed sentences. It never contains
//! a payload, a secret, a header of a client, or an error text of another server.

mod condition;
mod engine;
mod evaluation;
mod host;
mod message;
pub(crate) mod meter;
mod receiver;
mod record;
mod sender;
mod severity;

pub use condition::{AlertRule, Condition};
pub(crate) use engine::AlarmEngine;
#[cfg(test)]
pub(crate) use evaluation::Judgement;
pub(crate) use evaluation::{Evaluation, OpenProblem, Unknown};
pub use message::AlarmFormat;
pub use receiver::{AlarmError, AlarmReceiver};
pub use severity::Severity;
