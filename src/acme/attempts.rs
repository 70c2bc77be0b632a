//! The spacing of orders that fail. A file beside the account keeps it, because a gate that a service
//! manager starts again and again would otherwise order each time, up to the limits of the server.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{
    order_error::OrderError,
    schedule::{self, MAX_WAIT},
    server::short_digest,
    settings::AcmeSettings,
    state::OrderTrouble,
    store::CertificateStore,
};
use crate::net::certificate::Certificate;

/// The result of an order.
pub(super) enum Ordered {
    /// The certificate was issued.
    Issued(Certificate),
    /// An order with the same directory is in progress, or has just ended.
    Busy,
    /// An earlier order failed, and the time of the next attempt has not come.
    Held(OrderTrouble),
    /// The order failed.
    Failed(OrderTrouble),
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// A digest of the settings of the order.
    settings: String,
    failures: u32,
    reason: String,
    /// The time of the next attempt with the same settings, in seconds.
    next: u64,
    /// The time before which the server wants no order, whatever the settings are.
    demanded: Option<u64>,
}

/// Places orders no more often than the schedule and the server permit. The caller holds the lock of
/// the directory.
pub(super) struct Attempts<'a> {
    pub(super) settings: &'a AcmeSettings,
    pub(super) store: &'a CertificateStore,
    /// The failures that this process has seen.
    pub(super) failures: u32,
    pub(super) jitter: f64,
}

impl Attempts<'_> {
    /// Runs an order unless an earlier one holds it back.
    pub(super) fn run(
        mut self,
        now: impl Fn() -> SystemTime,
        order: impl FnOnce() -> Result<Certificate, OrderError>,
    ) -> Ordered {
        if let Some(stored) = self.read() {
            let begun = now();
            let is_same = stored.settings == self.digest();
            let failures = if is_same { stored.failures } else { 0 };
            self.failures = self.failures.max(failures);
            let demanded = stored.demanded.map(time);
            let next = is_same.then(|| time(stored.next)).max(demanded);
            // A later time than the longest wait comes from a clock that was wrong.
            if let Some(next) = next.filter(|next| (begun..=begun + MAX_WAIT).contains(next)) {
                return Ordered::Held(OrderTrouble {
                    failures,
                    reason: stored.reason,
                    next,
                });
            }
        }
        // A process that is killed during the order has used up an attempt, too.
        let killed = self.trouble("the gate ended during the order", None, now());
        self.write(&killed, None);
        match order() {
            Ok(certificate) => {
                self.end(&certificate, now());
                Ordered::Issued(certificate)
            }
            Err(error) => {
                let trouble = self.trouble(error.reason, error.retry_after, now());
                let demanded = error.retry_after.map(|wait| now() + wait.min(MAX_WAIT));
                self.write(&trouble, demanded);
                Ordered::Failed(trouble)
            }
        }
    }

    /// Returns the trouble of one more failure.
    pub(super) fn trouble(
        &self,
        reason: impl Into<String>,
        demanded: Option<Duration>,
        now: SystemTime,
    ) -> OrderTrouble {
        let failures = self.failures.saturating_add(1);
        OrderTrouble {
            failures,
            reason: reason.into(),
            next: now + schedule::wait(failures, demanded, self.jitter),
        }
    }

    /// Forgets the failures, unless the certificate is due for renewal at once: a clock that is
    /// wrong must not lead to one order after the other.
    fn end(&self, certificate: &Certificate, now: SystemTime) {
        if schedule::due(certificate.validity(), self.jitter) > now {
            let removed = CertificateStore::remove(&self.store.attempt());
            self.report(removed);
            return;
        }
        let due = OrderTrouble {
            failures: 0,
            reason: "the issued certificate is due for renewal at once; is the clock of this machine right?".to_owned(),
            next: now + schedule::wait(u32::MAX, None, self.jitter),
        };
        self.write(&due, None);
    }

    /// Returns the content of the file. A damaged one holds nothing back.
    fn read(&self) -> Option<Stored> {
        let content = CertificateStore::read_private(&self.store.attempt());
        serde_json::from_slice(&content.ok()??).ok()
    }

    fn write(&self, trouble: &OrderTrouble, demanded: Option<SystemTime>) {
        let stored = Stored {
            settings: self.digest(),
            failures: trouble.failures,
            reason: trouble.reason.clone(),
            next: seconds(trouble.next),
            demanded: demanded.map(seconds),
        };
        let text = serde_json::to_vec(&stored).map_err(Into::into);
        let written = text.and_then(|text| self.store.replace(&self.store.attempt(), &text));
        self.report(written);
    }

    fn report(&self, done: std::io::Result<()>) {
        if let Err(error) = done {
            let path = self.store.attempt();
            tracing::error!(path = %path.display(), %error, "time of the next attempt not stored");
        }
    }

    fn digest(&self) -> String {
        short_digest(&format!("{:?}", self.settings))
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn time(seconds: u64) -> SystemTime {
    let since = Duration::from_secs(seconds);
    SystemTime::UNIX_EPOCH
        .checked_add(since)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
