//! The recorder of recent requests, for the people and programs that watch the gate.
//!
//! It keeps the last requests in memory, without bodies and without credentials, and only while it
//! is armed: for a minute after the start, while somebody watches, and for a minute afterwards.
//! Otherwise all that a request does for it is one relaxed load.
//!
//! ```text
//!   access log entry ── recording ── budget ── journal (ring, causes)
//!                                                 │  one look per tick
//!                                              ticker ── frame ── feed ── viewers
//! ```
//!
//! No worker and no tick waits for a viewer. A worker holds the journal's lock for a push, and the
//! ticker for a copy of pointers. Each frame is serialized once for all viewers, and a viewer that
//! falls behind is dropped.
//!
//! # Attackers
//!
//! A flood of requests costs the recorder at most its budget: the others are only counted. Each
//! side of the verdict has a reserve, so that forgeries do not push genuine deliveries out of the
//! budget, nor the reverse. A record is bounded, too: usually it has 3 KiB, and at most 25, whatever
//! the request holds.

mod arming;
mod budget;
mod causes;
mod feed;
mod frame;
mod handle;
mod journal;
mod rates;
mod record;
mod recording;
mod ring;
mod row;
mod row_id;
pub(crate) mod ticker;
mod viewer;

pub(crate) use frame::Frame;
pub(crate) use handle::Recorder;
pub(crate) use record::Record;
pub(crate) use recording::Recording;
pub(crate) use row::{Row, RowVerdict};
pub(crate) use row_id::RowId;
pub(crate) use viewer::Viewer;

#[cfg(test)]
mod tests;
