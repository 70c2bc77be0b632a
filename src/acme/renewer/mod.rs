//! The loop that keeps a certificate in force: it takes over the stored one, and orders the next one
//! in time. It never blocks the thread that it runs on.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    attempts::Ordered,
    order::place,
    schedule::{self, BUSY, LOOK},
    settings::AcmeSettings,
    state::{AcmeState, OrderTrouble},
    store::CertificateStore,
};
use crate::{
    net::certificate::{Certificate, CertificateError, Warning},
    runtime::{background::run_on_thread, jitter::random_fraction},
    text::rfc3339,
};

/// Keeps a certificate in force as each value of `settings` demands, until its sender is dropped.
/// Settings that differ order at once if a certificate is missing. Equal ones change nothing: a
/// reload must not be an order, because servers limit those.
pub(crate) async fn renew(
    state: Arc<AcmeState>,
    settings: watch::Receiver<Option<Arc<AcmeSettings>>>,
) {
    let jitter = random_fraction();
    let renewer = Renewer {
        state,
        jitter,
        work: OnThreads { jitter },
    };
    renewer.run(settings).await;
}

/// The work that blocks.
trait Work {
    /// Reads the stored certificate.
    fn read(&self, store: Arc<CertificateStore>) -> impl Future<Output = Read> + Send;

    /// Orders a certificate after this number of failures.
    fn order(
        &self,
        settings: Arc<AcmeSettings>,
        state: Arc<AcmeState>,
        failures: u32,
    ) -> impl Future<Output = Ordered> + Send;
}

type Read = Result<Option<(Certificate, Vec<Warning>)>, CertificateError>;

/// Does each piece of work on a thread of its own.
struct OnThreads {
    jitter: f64,
}

impl Work for OnThreads {
    async fn read(&self, store: Arc<CertificateStore>) -> Read {
        let path = store.file().to_owned();
        let read = run_on_thread(move || store.read()).await;
        read.unwrap_or_else(|error| {
            let reason = error.into_error();
            Err(CertificateError::Unreadable { path, reason })
        })
    }

    async fn order(
        &self,
        settings: Arc<AcmeSettings>,
        state: Arc<AcmeState>,
        failures: u32,
    ) -> Ordered {
        let jitter = self.jitter;
        let ordered = run_on_thread(move || place(&settings, &state, failures, jitter)).await;
        ordered.unwrap_or_else(|error| {
            let failures = failures.saturating_add(1);
            Ordered::Failed(OrderTrouble {
                failures,
                reason: error.into_error().to_string(),
                next: SystemTime::now() + schedule::wait(failures, None, jitter),
            })
        })
    }
}

struct Renewer<W> {
    state: Arc<AcmeState>,
    /// Spreads the renewals and attempts of gates that started together.
    jitter: f64,
    work: W,
}

impl<W: Work> Renewer<W> {
    async fn run(self, mut settings: watch::Receiver<Option<Arc<AcmeSettings>>>) {
        loop {
            let wanted = settings.borrow_and_update().clone();
            let differ = |now: &Option<Arc<AcmeSettings>>| *now != wanted;
            let changed = match &wanted {
                Some(wanted) => {
                    announce(wanted);
                    tokio::select! {
                        changed = settings.wait_for(differ) => changed.map(drop),
                        () = self.keep(wanted) => Ok(()),
                    }
                }
                None => settings.wait_for(differ).await.map(drop),
            };
            if changed.is_err() {
                return;
            }
            self.state.set_trouble(None);
        }
    }

    /// Keeps a certificate for these settings in force. It never returns.
    async fn keep(&self, settings: &Arc<AcmeSettings>) {
        let store = Arc::new(CertificateStore::new(settings));
        let mut failures = 0;
        // Times of waits are no times of day, which may jump.
        let mut held_until = Instant::now();
        loop {
            self.take_over_stored(&store).await;
            let due = self.left(&store);
            if due > Duration::ZERO {
                self.state.set_trouble(None);
            }
            let left = due.max(held_until - Instant::now());
            if left > Duration::ZERO {
                sleep(left.min(LOOK)).await;
                continue;
            }
            let (settings, state) = (Arc::clone(settings), Arc::clone(&self.state));
            let names = settings.names();
            let wait = match self.work.order(settings, state, failures).await {
                Ordered::Issued(certificate) => {
                    failures = 0;
                    self.succeed(&store, certificate)
                }
                Ordered::Busy => {
                    tracing::info!(
                        "an order with the same directory is in progress; waiting for it"
                    );
                    BUSY
                }
                Ordered::Held(trouble) => {
                    failures = trouble.failures;
                    self.hold(&names, trouble)
                }
                Ordered::Failed(trouble) => {
                    failures = trouble.failures;
                    self.fail(&names, trouble)
                }
            };
            held_until = Instant::now() + wait;
        }
    }

    /// Puts the stored certificate in force if it is better than the present one: another gate may
    /// have renewed it.
    async fn take_over_stored(&self, store: &Arc<CertificateStore>) {
        match self.work.read(Arc::clone(store)).await {
            Ok(Some((stored, _))) => {
                let is_right = |one: &Certificate| store.is_right(one);
                self.state.offer(Arc::new(stored), is_right);
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "stored certificate not usable"),
        }
    }

    /// Returns the time until the next order is due: none without a certificate of these settings.
    fn left(&self, store: &CertificateStore) -> Duration {
        match self.state.certificate() {
            Some(present) if store.is_right(&present) => {
                let due = schedule::due(present.validity(), self.jitter);
                until(due)
            }
            _ => Duration::ZERO,
        }
    }

    /// Puts an issued certificate in force. Returns the time in which none is ordered again: a
    /// certificate that is due at once, because this machine's clock is wrong, must not lead to one
    /// order after the other.
    fn succeed(&self, store: &CertificateStore, certificate: Certificate) -> Duration {
        let certificate = Arc::new(certificate);
        self.state.put_in_force(Arc::clone(&certificate));
        self.state.record(None);
        tracing::info!(
            certificate = %certificate.path().display(),
            expires = rfc3339::seconds(certificate.expires()),
            "certificate issued"
        );
        if self.left(store) > Duration::ZERO {
            return Duration::ZERO;
        }
        tracing::error!(
            begins = rfc3339::seconds(certificate.validity().start),
            expires = rfc3339::seconds(certificate.expires()),
            "the issued certificate is due for renewal at once; is the clock of this machine right?"
        );
        schedule::wait(u32::MAX, None, self.jitter)
    }

    /// Reports an earlier failure, which this gate has not seen. Returns the time until the next
    /// attempt.
    fn hold(&self, names: &str, trouble: OrderTrouble) -> Duration {
        tracing::warn!(
            domains = names,
            error = trouble.reason,
            failures = trouble.failures,
            next_attempt = rfc3339::seconds(trouble.next),
            "an earlier order for a certificate failed; waiting for the time of the next attempt"
        );
        let wait = until(trouble.next);
        self.state.set_trouble(Some(trouble));
        wait
    }

    /// Reports a failure. Returns the time until the next attempt.
    fn fail(&self, names: &str, trouble: OrderTrouble) -> Duration {
        let message = match self.state.certificate() {
            None => "no certificate yet, so TLS handshakes are rejected: the order failed",
            Some(_) => "certificate order failed; the present certificate stays in force",
        };
        tracing::error!(
            domains = names,
            error = trouble.reason,
            failures = trouble.failures,
            next_attempt = rfc3339::seconds(trouble.next),
            "{message}"
        );
        let wait = until(trouble.next);
        self.state.record(Some(trouble));
        wait
    }
}

fn until(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::now()).unwrap_or_default()
}

fn announce(settings: &AcmeSettings) {
    tracing::info!(
        domains = settings.names(),
        server = %settings.server,
        dir = %settings.dir.display(),
        "automatic certificates enabled; port 443 of each domain must lead to this gate"
    );
}

#[cfg(test)]
mod tests;
