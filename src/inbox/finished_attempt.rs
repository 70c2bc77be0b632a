//! An attempt to deliver an event, after its end.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    delivery::event::{Lease, Settlement},
    runtime::clock::Millis,
};

/// The consequence of an attempt for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AttemptResult {
    /// The destination accepted the event.
    Delivered,
    /// The attempt failed, and counts.
    Failed,
    /// The attempt failed because of its destination, so it does not count.
    Deferred,
}

/// A finished attempt, without the payload.
#[derive(Debug, Clone)]
pub(crate) struct FinishedAttempt {
    pub(crate) event: Uuid,
    pub(crate) destination: Arc<str>,
    /// The number of the attempt; the first is 1. The attempt after a deferred one has the same
    /// number.
    pub(crate) number: u32,
    pub(crate) started: Millis,
    pub(crate) took: Duration,
    pub(crate) result: AttemptResult,
    /// The status of the response, if one arrived.
    pub(crate) status: Option<u16>,
    /// The reason of a failure.
    pub(crate) reason: Option<&'static str>,
    /// The first line of the response of a failed attempt, as the sealer writes it for the store.
    pub(crate) response: Option<Bytes>,
}

impl FinishedAttempt {
    /// Describes an attempt by its settlement, unless the settlement is that of a claim without an
    /// attempt.
    pub(crate) fn new(
        lease: &Lease,
        number: u32,
        started: Millis,
        took: Duration,
        settlement: &Settlement,
    ) -> Option<Self> {
        let (result, cause) = match settlement {
            Settlement::Delivered { .. } => (AttemptResult::Delivered, None),
            Settlement::Retry { cause, .. } | Settlement::Dead(cause) => {
                (AttemptResult::Failed, Some(cause))
            }
            Settlement::Deferred(cause) => (AttemptResult::Deferred, Some(cause)),
            Settlement::Quarantined | Settlement::Released => return None,
        };
        let status = match settlement {
            Settlement::Delivered { status } => Some(*status),
            _ => cause.and_then(|cause| cause.status),
        };
        Some(Self {
            event: lease.event,
            destination: Arc::clone(&lease.queue),
            number,
            started,
            took,
            result,
            status,
            reason: cause.map(|cause| cause.reason),
            response: cause.and_then(|cause| cause.response.clone()),
        })
    }
}
