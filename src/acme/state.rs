//! The certificate that an ACME server has issued, the challenges in progress, and the trouble with
//! orders. Workers read it at each handshake, without a lock; reports read the rest.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::{ServerConfig, server::ClientHello};

use super::domain::Domain;
use crate::{
    net::certificate::{Certificate, rejecting_config},
    telemetry::count::{Count, now},
    text::rfc3339,
};

/// The state of automatic certificates. It outlives configurations, so that a renewal needs no
/// reload, and a reload loses no certificate.
#[derive(Default)]
pub(crate) struct AcmeState {
    certificate: ArcSwapOption<Certificate>,
    challenges: ArcSwap<BTreeMap<Domain, Arc<ServerConfig>>>,
    pub(crate) issued: Count,
    pub(crate) failed: Count,
    trouble: Mutex<Option<OrderTrouble>>,
}

/// The trouble with the last order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderTrouble {
    /// The orders that failed since the last one that succeeded.
    pub(crate) failures: u32,
    /// The reason for the last failure, safe for a terminal.
    pub(crate) reason: String,
    /// The time of the next attempt.
    pub(crate) next: SystemTime,
}

impl AcmeState {
    /// Returns the certificate in force, if there is one.
    pub(crate) fn certificate(&self) -> Option<Arc<Certificate>> {
        self.certificate.load_full()
    }

    /// Returns the configuration for the handshake of a client. Without a certificate, it rejects
    /// every client with an alert.
    pub(crate) fn server(&self) -> Option<Arc<ServerConfig>> {
        match &*self.certificate.load() {
            Some(certificate) => Some(certificate.server()),
            None => rejecting_config().ok(),
        }
    }

    /// Returns the proof of exactly the domain that a challenge names.
    pub(crate) fn challenge(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let domain = hello.server_name()?.parse().ok()?;
        self.challenges.load().get(&domain).cloned()
    }

    /// Puts a certificate in force for handshakes that begin after it.
    pub(crate) fn put_in_force(&self, certificate: Arc<Certificate>) {
        self.certificate.store(Some(certificate));
    }

    /// Puts a stored certificate in force unless the present one is at least as good. `is_right` tells
    /// whether a certificate is one of the configured server and domains.
    pub(crate) fn offer(
        &self,
        certificate: Arc<Certificate>,
        is_right: impl Fn(&Certificate) -> bool,
    ) -> bool {
        let rank = |one: &Certificate| (is_right(one), one.expires());
        let present = self.certificate.load();
        let is_better = present
            .as_ref()
            .is_none_or(|present| rank(present) < rank(&certificate));
        if is_better {
            tracing::info!(
                certificate = %certificate.path().display(),
                expires = rfc3339::seconds(certificate.expires()),
                "stored certificate in force"
            );
            self.put_in_force(certificate);
        }
        is_better
    }

    /// Opens the challenge of a domain, until the guard is dropped.
    pub(super) fn open(
        self: &Arc<Self>,
        domain: &Domain,
        proof: &Arc<ServerConfig>,
    ) -> OpenChallenge {
        self.change(|challenges| challenges.insert(domain.clone(), Arc::clone(proof)));
        OpenChallenge {
            state: Arc::clone(self),
            domain: domain.clone(),
        }
    }

    fn change(
        &self,
        change: impl Fn(&mut BTreeMap<Domain, Arc<ServerConfig>>) -> Option<Arc<ServerConfig>>,
    ) {
        self.challenges.rcu(|challenges| {
            let mut challenges = BTreeMap::clone(challenges);
            change(&mut challenges);
            challenges
        });
    }

    /// Returns the trouble with the last order, if there was any.
    pub(crate) fn trouble(&self) -> Option<OrderTrouble> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records the result of an order.
    pub(super) fn record(&self, trouble: Option<OrderTrouble>) {
        match trouble {
            Some(_) => self.failed.add(now()),
            None => self.issued.add(now()),
        }
        self.set_trouble(trouble);
    }

    /// Forgets the trouble, because another certificate has come or none is wanted.
    pub(super) fn set_trouble(&self, trouble: Option<OrderTrouble>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Omits challenges and keys.
impl fmt::Debug for AcmeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcmeState").finish_non_exhaustive()
    }
}

/// An open challenge. It closes when this is dropped.
pub(super) struct OpenChallenge {
    state: Arc<AcmeState>,
    domain: Domain,
}

impl Drop for OpenChallenge {
    fn drop(&mut self) {
        self.state
            .change(|challenges| challenges.remove(&self.domain));
    }
}
