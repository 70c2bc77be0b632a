//! Events and their deliveries as a store keeps them: opaque bytes with what they are found by. What is in the bytes is
//! `parcel`'s affair, whether they are intact `seal`'s.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tower_cartgate::EventKind;
use uuid::Uuid;

use crate::runtime::clock::Millis;

/// An event as it is written and read.
#[derive(Debug, Clone)]
pub(crate) struct SealedEvent {
    /// The delivery's id, a UUID of version 7: it grows with time.
    pub(crate) id: Uuid,
    pub(crate) endpoint: Arc<str>,
    pub(crate) kind: EventKind,
    /// When it had been verified.
    pub(crate) received: Millis,
    /// The kept headers and what else a delivery is made from, as `parcel` writes it; encrypted where that is asked.
    pub(crate) head: Bytes,
    /// Over id, endpoint, kind, time, head and digest.
    pub(crate) seal: [u8; 32],
    /// A keyed digest of endpoint and body: equal for copies, and nothing to guess a payload by.
    pub(crate) digest: [u8; 32],
    /// The body, encrypted where that is asked.
    pub(crate) body: Bytes,
}

/// An event that is to be stored.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) event: SealedEvent,
    pub(crate) subscribers: Subscribers,
    /// A keyed digest of the endpoint's `unique` value; none if the event has no value that can identify it.
    pub(crate) unique: Option<[u8; 32]>,
}

/// Which queues an event goes to.
#[derive(Debug, Clone)]
pub(crate) enum Subscribers {
    /// These, at least one.
    Queues(Vec<Arc<str>>),
    /// None: it becomes a dead letter of no destination, for this reason.
    None(&'static str),
}

impl Subscribers {
    /// The endpoint is not open for events of this kind.
    pub(crate) const KIND_NOT_PERMITTED: &'static str = "kind-not-permitted";
    /// No destination wants events of this kind.
    pub(crate) const NO_SUBSCRIBER: &'static str = "no-destination-wants-it";
}

/// The result of storing an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InsertOutcome {
    /// The event is stored.
    Stored(Stored),
    /// Every destination has received an event with the same unique value, or still will. The arrival is dropped.
    Duplicate {
        /// The first of those events.
        of: Uuid,
    },
}

/// How an event is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The number of earlier events with the same body.
    pub(crate) copy: u32,
    /// The earlier event with the same unique value that some of the destinations have, or will get. This event goes to the
    /// other destinations only.
    pub(crate) duplicate_of: Option<Uuid>,
    /// Whether a destination was left out because it has as many undelivered copies of the body as it may have.
    pub(crate) left_out: bool,
    /// Whether the unique value came with so many different bodies that it identifies nothing.
    pub(crate) reused: bool,
}

impl InsertOutcome {
    /// An event that is stored for all of its destinations.
    #[cfg(test)]
    pub(crate) fn stored(copy: u32) -> Self {
        Self::Stored(Stored {
            copy,
            ..Stored::default()
        })
    }
}

/// A delivery that this gate holds until its lease ends.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) event: SealedEvent,
    /// The delivery's own seal, as `seal::DeliverySeals` makes it.
    pub(crate) seal: [u8; 32],
    /// Attempts that ended before this one.
    pub(crate) attempts: u32,
    /// How many with the same body came before this event.
    pub(crate) copy: u32,
    /// When the first event with this body came.
    pub(crate) first_received: Millis,
    pub(crate) lease: Lease,
}

/// The fence of a claim: it settles the delivery only as long as nobody has claimed it after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) event: Uuid,
    pub(crate) queue: Arc<str>,
    pub(crate) token: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// A 2xx.
    Delivered { status: u16 },
    /// The destination rejected it. The next attempt follows after this wait, which begins when the
    /// store writes it down.
    Retry { wait: Duration, cause: FailureCause },
    /// The destination is down. The attempt does not count, and the delivery is due at once.
    Deferred(FailureCause),
    /// No further attempt without a command.
    Dead(FailureCause),
    /// Its seal does not hold: it must never reach an app.
    Quarantined,
    /// It was not tried after all; the claim counts as none.
    Released,
}

impl Settlement {
    /// The reason of what is in quarantine.
    pub(crate) const SEAL_BROKEN: &'static str = "seal-broken";
}

/// Why an attempt failed, as `inbox list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailureCause {
    /// The status of the response, if one arrived.
    pub(crate) status: Option<u16>,
    /// A word of this program, also for logs and metrics.
    pub(crate) reason: &'static str,
    /// The first line of the response's body, as the sealer writes it for the store.
    pub(crate) response: Option<Bytes>,
}

impl FailureCause {
    /// A cause without a response body.
    pub(crate) const fn new(status: Option<u16>, reason: &'static str) -> Self {
        Self {
            status,
            reason,
            response: None,
        }
    }
}

/// The place of a delivery in the rotation of probes: that which it has once it is due at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeCursor {
    pub(crate) rank: i16,
    pub(crate) due: Millis,
    pub(crate) event: Uuid,
}

impl ProbeCursor {
    /// Before every delivery.
    pub(crate) const START: Self = Self {
        rank: 0,
        due: Millis::MIN,
        event: Uuid::nil(),
    };

    /// The place of a claimed delivery.
    pub(crate) fn of(claim: &Claim) -> Self {
        Self {
            rank: i16::from(claim.copy > 0),
            due: claim.event.received,
            event: claim.event.id,
        }
    }
}

/// Where a delivery stands. As stored: the number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[repr(i16)]
pub enum DeliveryState {
    /// Waits for its next attempt, or is under way.
    Pending = 0,
    /// A destination has taken it.
    Delivered = 1,
    /// A dead letter.
    Dead = 2,
    /// Its seal did not hold.
    Quarantined = 3,
}
