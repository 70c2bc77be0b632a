//! The durable inbox: verified events are stored before they are acknowledged, and delivered until
//! each destination that subscribes to them has accepted them.
//!
//! ```text
//! Verified ──► codec, seal ──► store: insert ──► 200
//!                                 │
//!              dispatcher: a queue for each destination ──► claim ──► check seal ──► attempt ──► settle
//! ```
//!
//! Invariants of every store:
//!
//! 1. **A 200 means stored.** The gate acknowledges an event only after the transaction that holds
//!    it is committed and synced. A transaction holds the whole event (body, row, one delivery for
//!    each destination) or nothing of it.
//! 2. **A commit outlives its request.** Once the store has it, the commit goes on even if the
//!    client leaves.
//! 3. **A delivery is pending until it is settled**: delivered by a 2xx, dead, or quarantined. Only
//!    retention and `purge` remove deliveries, and retention removes only delivered ones.
//! 4. **A lease is fenced.** A claim issues a token and hides the delivery until the lease ends.
//!    Only the last token settles the delivery. So one gate at a time holds a delivery, and those
//!    of a dead gate come back by themselves (in SQLite at the next start, when no other gate can
//!    exist).
//! 5. **Only intact events leave.** Before each attempt the gate checks the seal of the event (id,
//!    endpoint, head, body) and the seal of the delivery (destination, number of copies). If one
//!    does not hold, the delivery is quarantined.
//! 6. **A failed sync ends the store.** Afterwards the content of the disk is unknown. The store
//!    acknowledges nothing more until a restart has checked all of it.
//! 7. **Copies share one body.** A destination has a limited number of undelivered copies of one
//!    body; delivered copies are only counted.
//! 8. **A duplicate is dropped for a destination only if that destination has received the first
//!    event or still will.**

pub(crate) mod attempt_history;
mod check;
pub(crate) mod dispatcher;
pub(crate) mod finished_attempt;
pub mod handle;
pub(crate) mod intake_meter;
mod key;
pub(crate) mod meter;
mod open;
mod open_error;
pub(crate) mod operations;
pub(crate) mod postgres_url;
pub mod queue;
pub(crate) mod routes;
pub mod schedule;
pub mod settings;
#[cfg(test)]
mod simulation;
pub(crate) mod socket;
pub(crate) mod store;
mod store_address;
pub(crate) mod unique;

pub(crate) use check::check;
pub use handle::Inbox;
pub use open_error::OpenError;
pub use queue::Queue;
pub use schedule::Schedule;
pub use settings::Settings;
