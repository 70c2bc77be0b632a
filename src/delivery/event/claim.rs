//! A claimed delivery.

use std::sync::Arc;

use uuid::Uuid;

use super::sealed_event::SealedEvent;
use crate::runtime::clock::Millis;

/// A delivery that this gate holds until its lease ends.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) event: SealedEvent,
    /// The seal of the delivery, which [`DeliverySeals`] checks.
    ///
    /// [`DeliverySeals`]: crate::delivery::seal::DeliverySeals
    pub(crate) seal: [u8; 32],
    /// The attempts that ended before this one.
    pub(crate) attempts: u32,
    /// The number of earlier events with the same body.
    pub(crate) copy: u32,
    /// The time at which the first event with this body was received.
    pub(crate) first_received: Millis,
    pub(crate) lease: Lease,
}

/// The fence of a claim. It settles the delivery only while no later claim exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) event: Uuid,
    pub(crate) queue: Arc<str>,
    pub(crate) token: i64,
}
