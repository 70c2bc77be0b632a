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
    order::place,
    order_error::OrderError,
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
/// A new value, even an equal one, orders at once if a certificate is missing.
pub(crate) async fn renew(
    state: Arc<AcmeState>,
    settings: watch::Receiver<Option<Arc<AcmeSettings>>>,
) {
    let renewer = Renewer {
        state,
        jitter: random_fraction(),
        work: OnThreads,
    };
    renewer.run(settings).await;
}

/// The work that blocks.
trait Work {
    /// Reads the stored certificate.
    fn read(&self, store: Arc<CertificateStore>) -> impl Future<Output = Read> + Send;

    /// Orders a certificate.
    fn order(
        &self,
        settings: Arc<AcmeSettings>,
        state: Arc<AcmeState>,
    ) -> impl Future<Output = Ordered> + Send;
}

type Read = Result<Option<(Certificate, Vec<Warning>)>, CertificateError>;

type Ordered = Result<Certificate, OrderError>;

/// Does each piece of work on a thread of its own.
struct OnThreads;

impl Work for OnThreads {
    async fn read(&self, store: Arc<CertificateStore>) -> Read {
        let path = store.file().to_owned();
        let read = run_on_thread(move || store.read()).await;
        read.unwrap_or_else(|error| {
            let reason = error.into_error();
            Err(CertificateError::Unreadable { path, reason })
        })
    }

    async fn order(&self, settings: Arc<AcmeSettings>, state: Arc<AcmeState>) -> Ordered {
        let ordered = run_on_thread(move || place(&settings, &state)).await;
        ordered.unwrap_or_else(|error| Err(OrderError::failed(error.into_error().to_string())))
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
        let mut announced = None;
        loop {
            let wanted = settings.borrow_and_update().clone();
            if let Some(wanted) = wanted.as_ref().filter(|_| wanted != announced) {
                announce(wanted);
            }
            let changed = match &wanted {
                Some(wanted) => tokio::select! {
                    changed = settings.changed() => changed,
                    () = self.keep(wanted) => Ok(()),
                },
                None => settings.changed().await,
            };
            if changed.is_err() {
                return;
            }
            announced = wanted;
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
            let left = self.left(&store).max(held_until - Instant::now());
            if left > Duration::ZERO {
                sleep(left.min(LOOK)).await;
                continue;
            }
            let ordered = self
                .work
                .order(Arc::clone(settings), Arc::clone(&self.state));
            match ordered.await {
                Ok(certificate) => {
                    failures = 0;
                    held_until = Instant::now() + self.succeed(&store, certificate);
                }
                Err(OrderError::Busy) => {
                    tracing::info!("another gate orders with the same directory; waiting for it");
                    held_until = Instant::now() + BUSY;
                }
                Err(OrderError::Failed {
                    reason,
                    retry_after,
                }) => {
                    failures += 1;
                    let wait = schedule::wait(failures, retry_after, self.jitter);
                    held_until = Instant::now() + wait;
                    self.fail(settings, failures, reason, SystemTime::now() + wait);
                }
            }
        }
    }

    /// Puts the stored certificate in force if it is better than the present one: another gate may
    /// have renewed it.
    async fn take_over_stored(&self, store: &Arc<CertificateStore>) {
        match self.work.read(Arc::clone(store)).await {
            Ok(Some((stored, _))) => {
                let is_right = |one: &Certificate| store.is_right(one);
                if self.state.offer(Arc::new(stored), is_right) {
                    self.state.set_trouble(None);
                }
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
                let left = due.duration_since(SystemTime::now());
                left.unwrap_or_default()
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

    fn fail(&self, settings: &AcmeSettings, failures: u32, reason: String, next: SystemTime) {
        let message = match self.state.certificate() {
            None => "no certificate yet, so TLS handshakes are rejected: the order failed",
            Some(_) => "certificate order failed; the present certificate stays in force",
        };
        tracing::error!(
            domains = settings.names(),
            error = reason,
            failures,
            next_attempt = rfc3339::seconds(next),
            "{message}"
        );
        self.state.record(Some(OrderTrouble {
            failures,
            reason,
            next,
        }));
    }
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
