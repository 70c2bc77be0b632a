//! The durable inbox: verified events are stored before they are acknowledged, and delivered until each destination that
//! wants them has taken them.
//!
//! ```text
//! Verified ──► parcel, seal ──► store: keep ──► 200             (durable)
//!                                 │
//!              dispatcher: one queue a destination ──► claim ──► seal held? ──► attempt ──► settle
//! ```
//!
//! What always holds, whichever engine stores:
//!
//! 1. **200 means kept.** An event is acknowledged only after the transaction that holds all of it was committed and synced.
//!    A transaction holds an event whole (body, row, one delivery for each destination) or not at all.
//! 2. **A commit belongs to nobody's request.** Once handed to the store it goes on, whether or not its client still waits.
//! 3. **A delivery is pending until it is settled**: delivered by a 2xx, dead, or in quarantine. Nothing but retention
//!    and `purge` removes one, and retention removes delivered ones alone.
//! 4. **A lease is fenced.** A claim gives a token and hides the delivery until the lease ends; only who shows the token of
//!    the last claim settles it. So of two gates one holds a delivery, and a dead gate's come back by themselves (in SQLite
//!    at the next start, which knows that no other gate is there).
//! 5. **Only intact events leave.** Before each attempt the gate checks the seal of the event (id, endpoint, head, body) and
//!    the seal of the delivery (destination, number of copies). If one does not hold, the delivery goes to quarantine.
//! 6. **A failed sync ends it.** After one nobody knows what is on the disk: the store acknowledges nothing more until a
//!    new start has looked the whole store over.
//! 7. **Copies share one body.** A destination has only so many undelivered copies of one body; delivered copies are only
//!    counted.
//! 8. **A duplicate is dropped for a destination only if that destination has received the first event or still will.**

mod address;
pub(crate) mod control;
pub(crate) mod dispatcher;
pub mod handle;
pub(crate) mod intake;
pub(crate) mod key;
mod look;
pub(crate) mod meter;
mod open;
pub mod queue;
pub(crate) mod routes;
pub mod schedule;
pub mod settings;
pub(crate) mod store;
pub(crate) mod unique;

pub use handle::Inbox;
pub(crate) use look::look;
pub use open::OpenError;
pub use queue::Queue;
pub use schedule::Schedule;
pub use settings::Settings;
