//! What the log is told of deliveries: their ids, destinations and reasons, never a payload or a URL. A destination that
//! refuses everything must not fill the log, so a second has room for so many lines; what is left out is summed.

use std::time::Duration;

use tracing::{debug, error, info, warn};
use uuid::Uuid;

use super::health::Change;
use crate::{
    delivery::{
        event::{FailureCause, Lease, Settlement},
        seal::UnsealError,
    },
    inbox::store::StoreError,
    telemetry::log::Throttle,
};

/// The lines of one dispatcher. Those that need a person have room of their own.
#[derive(Debug, Default)]
pub(super) struct Lines {
    errors: Throttle,
    others: Throttle,
}

/// Which attempt a line is about.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) lease: Lease,
    /// Counted from 1.
    pub(super) attempt: u32,
    /// Whether the destination was known to be down: then a failure is no news.
    pub(super) is_probe: bool,
    /// Why it failed, as the error says it.
    pub(super) cause: Option<String>,
}

impl About {
    fn id(&self) -> Uuid {
        self.lease.event
    }

    fn destination(&self) -> &str {
        &self.lease.queue
    }
}

impl Lines {
    /// An attempt has ended, and that is written down.
    pub(super) fn settled(&self, about: &About, settlement: &Settlement) {
        match settlement {
            Settlement::Delivered { status } => self.delivered(about, *status),
            Settlement::Retry { wait, cause } => self.failed(about, *wait, cause),
            Settlement::Deferred(cause) => self.deferred(about, cause),
            Settlement::Dead(cause) => self.dead(about, cause),
            Settlement::Quarantined => self.quarantined(about),
            Settlement::Released => {}
        }
    }

    fn delivered(&self, about: &About, status: u16) {
        let (delivery, destination, attempt) = (about.id(), about.destination(), about.attempt);
        if attempt == 1 {
            debug!(%delivery, destination, status, "delivered");
        } else if self.others.allows() {
            info!(%delivery, destination, attempt, status, "delivered after all");
        }
    }

    fn failed(&self, about: &About, wait: Duration, cause: &FailureCause) {
        let (delivery, destination, attempt) = (about.id(), about.destination(), about.attempt);
        let FailureCause { status, reason, .. } = *cause;
        let cause = about.cause.as_deref();
        let next_in_seconds = wait.as_secs();
        if attempt > 1 {
            debug!(%delivery, destination, attempt, status, reason, cause, next_in_seconds, "not taken");
        } else if self.others.allows() {
            warn!(
                %delivery, destination, status, reason, cause, next_in_seconds,
                "the first attempt was not taken; others follow"
            );
        }
    }

    fn deferred(&self, about: &About, cause: &FailureCause) {
        let (delivery, destination) = (about.id(), about.destination());
        let FailureCause { status, reason, .. } = *cause;
        let cause = about.cause.as_deref();
        if about.is_probe {
            debug!(%delivery, destination, status, reason, cause, "the destination is still down");
        } else if self.others.allows() {
            warn!(
                %delivery, destination, status, reason, cause,
                "not taken; the event waits until the destination is back"
            );
        }
    }

    fn dead(&self, about: &About, cause: &FailureCause) {
        if self.errors.allows() {
            error!(
                delivery = %about.id(),
                destination = about.destination(),
                attempts = about.attempt,
                status = cause.status,
                reason = cause.reason,
                cause = about.cause.as_deref(),
                "a dead letter: nobody tries it again unasked"
            );
        }
    }

    fn quarantined(&self, about: &About) {
        if self.errors.allows() {
            error!(
                delivery = %about.id(),
                destination = about.destination(),
                "in quarantine: what is stored is not what was verified"
            );
        }
    }

    /// This gate cannot read it, though its seal holds.
    pub(super) fn locked(&self, about: &About, why: UnsealError) {
        if self.errors.allows() {
            error!(
                delivery = %about.id(),
                destination = about.destination(),
                %why,
                "it cannot be delivered by this gate, and waits"
            );
        }
    }

    /// Somebody else held it when its attempt had ended.
    pub(super) fn lost(&self, about: &About) {
        if self.others.allows() {
            warn!(
                delivery = %about.id(),
                destination = about.destination(),
                attempt = about.attempt,
                "its lease had ended: it is delivered once more"
            );
        }
    }

    /// How its attempt ended could not be written down.
    pub(super) fn unsettled(&self, about: &About, error: &StoreError) {
        if self.errors.allows() {
            error!(
                delivery = %about.id(),
                destination = about.destination(),
                attempt = about.attempt,
                %error,
                "how its attempt ended could not be stored: it is delivered once more"
            );
        }
    }

    /// A queue gets nothing from the store.
    pub(super) fn stuck(&self, destination: &str, error: &StoreError) {
        if self.errors.allows() {
            error!(destination, %error, "nothing can be delivered for now");
        }
    }

    /// A destination went down or came back.
    pub(super) fn changed(destination: &str, change: Change) {
        match change {
            Change::WentDown => {
                warn!(
                    destination,
                    "the destination is down; one event at a time finds out whether it is back"
                );
            }
            Change::CameBack => info!(destination, "the destination is back"),
        }
    }

    /// Waits began at times that are still to come.
    pub(super) fn corrected(destination: &str, deliveries: u64) {
        info!(
            destination,
            deliveries, "due times corrected: the clock was ahead when their waits began"
        );
    }

    /// Begins the next second.
    pub(super) fn tick(&self) {
        let left_out = self.errors.begin_second() + self.others.begin_second();
        if left_out > 0 {
            warn!(
                lines = left_out,
                "more happened to deliveries in this second than the log shows"
            );
        }
    }
}
