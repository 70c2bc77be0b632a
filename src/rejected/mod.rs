//! Rejected deliveries saved to disk: the queue, the thread that writes them, the directory with
//! its limits, and the file format.
//!
//! Cartfunnel may replace a secret by itself. Until the gate knows the new one, genuine orders
//! fail. With the rejections saved, an operator finds the cause (`cartgate verify --delivery`), and
//! the gate delivers the orders once it knows the secret (see `late`).
//!
//! ```text
//!   observer ── writer ── queue ── writer thread ── directory ── DIR/20261124T181614Z-019….http
//!                         bounded   50 files/s      bounded      a saved rejection
//! ```
//!
//! Only deliveries with a well-formed signature that matches no secret are saved. Nothing here
//! verifies. Marks beside a file state what became of it: `.late` for a rejection that verified
//! later and waits, `.forwarded` for one that was delivered, by the gate or by an operator.
//!
//! # Attackers
//!
//! Anyone can send well-formed forgeries, but cannot see whether they are saved. The effects of a
//! flood:
//!
//! - *On requests*: none. The 401 does not wait for the disk. The queue is bounded, and the bodies
//!   in it stay counted in the gate's memory. Deliveries that do not fit are dropped and counted.
//! - *On the disk*: the directory holds at most `count` files and `bytes` bytes, for `age`. The
//!   thread writes at most 50 files a second.
//! - *On the rejections of others*: a source holds at most its share of the directory and of the
//!   queue. Beyond it, and whenever the directory is full, the source that holds the most loses its
//!   oldest. A flood from one source therefore evicts only its own files. A flood from more sources
//!   than the directory has places evicts genuine deliveries, too; see the threat model.
//! - *Behind a proxy*: the client that a trusted hop names is the source. The clients of a hop that
//!   is not trusted share one source.
//! - *On apps*: none. Whatever delivers a saved rejection verifies it first. Inbound headers with the names of the
//!   gate's own lines are dropped before a file is written.

mod details;
mod directory;
mod directory_lock;
mod file_name;
mod judge;
mod late_meter;
mod load;
mod queue;
mod saved_file;
mod saved_rejection;
mod settings;
mod writer;

pub use saved_file::{LateState, ReadError, SavedFile};
pub use saved_rejection::{Malformed, SavedRejection};
pub use settings::Settings;
pub use writer::{Counters, Writer};

pub(crate) use details::RejectionDetails;
pub(crate) use directory_lock::DirectoryLock;
pub(crate) use judge::RejectionJudge;
pub(crate) use late_meter::{LateMeter, LateStandings};
pub(crate) use saved_rejection::RejectedRequest;
