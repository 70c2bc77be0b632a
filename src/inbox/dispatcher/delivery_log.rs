//! The log lines of deliveries and destinations: ids, names, addresses and reasons, never a
//! payload.
//!
//! A destination that rejects everything must not fill the log. Each second has room for a limited
//! number of lines, and one line counts those that were left out.

use std::{sync::Arc, time::Duration};

use tracing::{debug, error, info, warn};
use uuid::Uuid;

use super::health::HealthChange;
use crate::{
    delivery::{
        event::{FailureCause, Lease, Settlement},
        seal::UnsealError,
    },
    destination::Destination,
    inbox::store::StoreError,
    telemetry::log::Throttle,
};

/// The log of one dispatcher. Errors have room of their own.
#[derive(Debug, Default)]
pub(super) struct DeliveryLog {
    errors: Throttle,
    others: Throttle,
}

/// The attempt that a line is about.
#[derive(Debug, Clone)]
pub(super) struct LoggedAttempt {
    pub(super) lease: Lease,
    pub(super) destination: Arc<Destination>,
    /// The number of the attempt; the first is 1.
    pub(super) number: u32,
    /// Whether the destination was known to be down, so that a failure was expected.
    pub(super) is_probe: bool,
    /// The error of the attempt, if it failed without a response.
    pub(super) error: Option<String>,
}

impl LoggedAttempt {
    fn id(&self) -> Uuid {
        self.lease.event
    }

    fn queue(&self) -> &str {
        &self.lease.queue
    }
}

/// Logs a line about an attempt: its delivery and destination, then the given fields.
macro_rules! attempt_line {
    ($level:ident, $attempt:expr, $($rest:tt)*) => {
        $level!(
            delivery = %$attempt.id(),
            destination = $attempt.queue(),
            address = %$attempt.destination.address().transport(),
            $($rest)*
        )
    };
}

impl DeliveryLog {
    /// Logs an attempt whose result is stored.
    pub(super) fn settled(&self, attempt: &LoggedAttempt, settlement: &Settlement) {
        match settlement {
            Settlement::Delivered { status } => self.delivered(attempt, *status),
            Settlement::Retry { wait, cause } => self.failed(attempt, *wait, cause),
            Settlement::Deferred(cause) => self.deferred(attempt, cause),
            Settlement::Dead(cause) => self.dead(attempt, cause),
            Settlement::Quarantined => self.quarantined(attempt),
            Settlement::Released => {}
        }
    }

    fn delivered(&self, attempt: &LoggedAttempt, status: u16) {
        let number = attempt.number;
        if number == 1 {
            attempt_line!(debug, attempt, status, "delivered");
        } else if self.others.allows() {
            attempt_line!(
                info,
                attempt,
                attempt = number,
                status,
                "delivered after retries"
            );
        }
    }

    fn failed(&self, attempt: &LoggedAttempt, wait: Duration, cause: &FailureCause) {
        let FailureCause { status, reason, .. } = *cause;
        let (number, cause) = (attempt.number, attempt.error.as_deref());
        let next_in_seconds = wait.as_secs();
        if number > 1 {
            attempt_line!(
                debug,
                attempt,
                attempt = number,
                status,
                reason,
                cause,
                next_in_seconds,
                "attempt failed"
            );
        } else if self.others.allows() {
            attempt_line!(
                warn,
                attempt,
                status,
                reason,
                cause,
                next_in_seconds,
                "first attempt failed; retries follow"
            );
        }
    }

    fn deferred(&self, attempt: &LoggedAttempt, cause: &FailureCause) {
        let FailureCause { status, reason, .. } = *cause;
        let cause = attempt.error.as_deref();
        if attempt.is_probe {
            attempt_line!(
                debug,
                attempt,
                status,
                reason,
                cause,
                "destination is still down"
            );
        } else if self.others.allows() {
            attempt_line!(
                warn,
                attempt,
                status,
                reason,
                cause,
                "attempt failed; the event waits until the destination is back"
            );
        }
    }

    fn dead(&self, attempt: &LoggedAttempt, cause: &FailureCause) {
        if self.errors.allows() {
            attempt_line!(
                error,
                attempt,
                attempts = attempt.number,
                status = cause.status,
                reason = cause.reason,
                cause = attempt.error.as_deref(),
                "dead letter: only a command retries it"
            );
        }
    }

    fn quarantined(&self, attempt: &LoggedAttempt) {
        if self.errors.allows() {
            attempt_line!(
                error,
                attempt,
                "quarantined: the stored event is not the one that was verified"
            );
        }
    }

    /// Logs an event that this gate cannot read although its seal holds.
    pub(super) fn unreadable(&self, attempt: &LoggedAttempt, why: UnsealError) {
        if self.errors.allows() {
            attempt_line!(error, attempt, %why, "this gate cannot read the stored event, which waits");
        }
    }

    /// Logs an attempt whose lease had passed to another gate before its result was stored.
    pub(super) fn lost_lease(&self, attempt: &LoggedAttempt) {
        if self.others.allows() {
            attempt_line!(
                warn,
                attempt,
                attempt = attempt.number,
                "lease ended before the attempt; the event is delivered again"
            );
        }
    }

    /// Logs an attempt whose result the store did not take.
    pub(super) fn unsettled(&self, attempt: &LoggedAttempt, error: &StoreError) {
        if self.errors.allows() {
            attempt_line!(
                error, attempt,
                attempt = attempt.number,
                %error,
                "result of the attempt not stored; the event is delivered again"
            );
        }
    }

    /// Logs a queue that gets no events from the store.
    pub(super) fn stuck(&self, destination: &str, error: &StoreError) {
        if self.errors.allows() {
            error!(destination, %error, "store failed: nothing is delivered for now");
        }
    }

    /// Logs a destination that went down or came back.
    pub(super) fn health_changed(destination: &Destination, change: HealthChange) {
        let address = destination.address().transport();
        let destination = &*destination.name;
        match change {
            HealthChange::WentDown => {
                warn!(destination, %address, "destination is down; one event at a time probes it");
            }
            HealthChange::CameBack => info!(destination, %address, "destination is back"),
        }
    }

    /// Logs due times that lay too far ahead.
    pub(super) fn corrected(destination: &str, deliveries: u64) {
        info!(
            destination,
            deliveries, "due times corrected: the clock had been ahead"
        );
    }

    /// Begins the next second, and logs the number of lines left out of the last one.
    pub(super) fn tick(&self) {
        let lines = self.errors.begin_second() + self.others.begin_second();
        if lines > 0 {
            warn!(lines, "log lines about deliveries left out");
        }
    }
}
