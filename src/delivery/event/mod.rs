//! Stored events and their deliveries, as a store holds them.
//!
//! A store holds opaque bytes with the values by which it finds them. `codec` defines the bytes,
//! and `seal` checks that they are intact.

mod arrival;
mod claim;
mod insert_outcome;
mod probe_cursor;
mod sealed_event;
mod settlement;
mod state;

pub(crate) use arrival::{Arrival, Subscribers};
pub(crate) use claim::{Claim, Lease};
pub(crate) use insert_outcome::{InsertOutcome, Stored};
pub(crate) use probe_cursor::ProbeCursor;
pub(crate) use sealed_event::{EventMetadata, SealedEvent};
pub(crate) use settlement::{FailureCause, Settlement};
pub(crate) use state::DeliveryState;
