//! What the log is told of deliveries: their ids, destinations and reasons, never a payload or a URL. A destination that
//! refuses everything must not fill the log, so a second has room for so many lines; what is left out is summed.

use std::time::Duration;

use tracing::{debug, error, info, warn};
use uuid::Uuid;

use super::health::Change;
use crate::{
    inbox::{
        event::{Lease, Settlement},
        seal::Broken,
        store::StoreError,
    },
    log::Throttle,
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
    pub(super) probe: bool,
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
        match *settlement {
            Settlement::Delivered { status } => self.delivered(about, status),
            Settlement::Again {
                wait,
                status,
                reason,
            } => self.failed(about, wait, status, reason),
            Settlement::Dead { status, reason } => self.dead(about, status, reason),
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

    fn failed(&self, about: &About, wait: Duration, status: Option<u16>, reason: &str) {
        let (delivery, destination, attempt) = (about.id(), about.destination(), about.attempt);
        let cause = about.cause.as_deref();
        let next_in_seconds = wait.as_secs();
        if attempt > 1 || about.probe {
            debug!(%delivery, destination, attempt, status, reason, cause, next_in_seconds, "not taken");
        } else if self.others.allows() {
            warn!(
                %delivery, destination, status, reason, cause, next_in_seconds,
                "the first attempt was not taken; others follow"
            );
        }
    }

    fn dead(&self, about: &About, status: Option<u16>, reason: &str) {
        if self.errors.allows() {
            error!(
                delivery = %about.id(),
                destination = about.destination(),
                attempts = about.attempt,
                status,
                reason,
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
    pub(super) fn locked(&self, about: &About, why: Broken) {
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
                    "the destination is down; one delivery at a time finds out whether it is back"
                );
            }
            Change::CameBack => info!(destination, "the destination is back"),
        }
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
