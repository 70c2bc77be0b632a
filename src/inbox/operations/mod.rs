//! Operations of operators on an inbox: list, show, requeue, purge, count, back up.
//!
//! A running gate carries them out for its API. A command that finds no gate opens the store and
//! calls the same code. The results serialize to the JSON of the API, which is also that of
//! `cartgate inbox … --json`.
//!
//! An operation on one page of deliveries is short. A large selection is the work of a [`Jobs`]
//! entry: it is counted first, then worked off page by page.
//!
//! ```text
//! cartgate inbox ──┬─ gate runs: FILE.sock ──► API ─┬─► Operations, Jobs ──► Store
//! console ─────────│───────────────────────► API ───┤
//!                  └─ no gate: opens the store ─────┘
//! ```

mod attempt_details;
mod cursor_text;
mod destinations;
mod error;
mod event_details;
mod filter;
mod inbox_stats;
mod job;
mod operator;
mod page_range;
mod stored_delivery;
mod stored_page;
mod time;

pub(crate) use attempt_details::AttemptDetails;
pub(crate) use cursor_text::CursorText;
pub(crate) use destinations::Destinations;
pub(crate) use error::OperationError;
#[cfg(test)]
pub(crate) use event_details::HeadDetails;
pub(crate) use event_details::{EventDetails, OpenedBody};
pub(crate) use filter::DeliveryFilter;
pub(crate) use inbox_stats::{InboxStats, QueueDetails};
#[cfg(test)]
pub(crate) use job::Skipped;
pub(crate) use job::{Action, JobDetails, JobRequest, JobState, Jobs, JobsError, RequestError};
pub(crate) use operator::Operations;
pub(crate) use page_range::PageRange;
pub(crate) use stored_delivery::StoredDelivery;
pub(crate) use stored_page::StoredPage;

#[cfg(test)]
mod tests;
