//! The settlement of a claim.

use std::time::Duration;

use bytes::Bytes;

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// The destination responded 2xx.
    Delivered { status: u16 },
    /// The destination rejected the delivery. The next attempt follows after the wait, which begins
    /// when the store writes the settlement down.
    Retry { wait: Duration, cause: FailureCause },
    /// The destination is down. The attempt does not count, and the delivery is due at once.
    Deferred(FailureCause),
    /// The delivery is a dead letter: only a command retries it.
    Dead(FailureCause),
    /// A seal does not hold, so the delivery must never reach an app.
    Quarantined,
    /// There was no attempt, and the claim does not count.
    Released,
}

impl Settlement {
    /// The reason of a quarantined delivery.
    pub(crate) const SEAL_BROKEN: &'static str = "seal-broken";
}

/// The cause of a failed attempt, as `inbox list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailureCause {
    /// The status of the response, if one arrived.
    pub(crate) status: Option<u16>,
    /// A word of this program, which logs and metrics use, too.
    pub(crate) reason: &'static str,
    /// The first line of the response's body, as the sealer writes it for the store.
    pub(crate) response: Option<Bytes>,
}

impl FailureCause {
    /// Makes a cause without a response body.
    pub(crate) const fn new(status: Option<u16>, reason: &'static str) -> Self {
        Self {
            status,
            reason,
            response: None,
        }
    }
}
