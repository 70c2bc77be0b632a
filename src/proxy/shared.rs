//! The state that all workers of a gate share: the configuration in force, the budgets, the open
//! connections and the metrics. Nothing in it belongs to one request, and reading it needs no lock.

use std::{
    collections::HashSet,
    io,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;

use crate::{
    acme::{AcmeState, CertificateStore},
    inbox::{Inbox, store::StoreError},
    net::certificate::Certificate,
    profile::{DigestKey, Profiler},
    proxy::{
        admission::{Connections, Memory},
        config::{Config, tls::Tls},
        explain::Explainer,
        meters::Metrics,
        recorder::Recorder,
        snapshot::Snapshot,
    },
    rejected::{self, LateMeter},
    telemetry::log::Throttle,
};

/// The state that workers share.
#[derive(Debug)]
pub(crate) struct Shared {
    config: ArcSwap<Snapshot>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) connections: Arc<Connections>,
    /// Limits the log lines that clients can cause.
    pub(crate) throttle: Throttle,
    pub(crate) explainer: Explainer,
    /// The recent requests, for those who watch the gate.
    pub(crate) recorder: Arc<Recorder>,
    /// The writer of saved rejections.
    pub(crate) rejected: Option<rejected::Writer>,
    /// The saved rejections that verified later.
    pub(crate) late: LateMeter,
    /// Learns from verified deliveries.
    pub(crate) profiler: Profiler,
    /// The store for the deliveries of durable endpoints.
    pub(crate) inbox: Option<Arc<Inbox>>,
    /// The certificate of an ACME server. It stays when the configuration changes.
    pub(crate) acme: Arc<AcmeState>,
    stage: AtomicU8,
}

/// The stages of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// The gate accepts requests.
    Serving,
    /// The gate accepts requests, reports that it is not ready, and closes each connection after
    /// its response.
    Leaving,
    /// The gate finishes its requests and closes idle connections.
    Closing,
}

impl Shared {
    /// Makes the state of a gate and starts its threads for explanations, saved rejections and
    /// profiles.
    ///
    /// # Errors
    ///
    /// When the directory of saved rejections cannot be used, or the system gives no random bytes.
    pub(crate) fn new(
        config: Arc<Config>,
        metrics: Arc<Metrics>,
        inbox: Option<Arc<Inbox>>,
    ) -> io::Result<Self> {
        let rejected = config.rejected.clone().map(rejected::Writer::start);
        let recorder = Recorder::new();
        let acme = Arc::default();
        adopt_stored(&acme, &config);
        Ok(Self {
            memory: Arc::new(Memory::new(config.limits.memory)),
            connections: Arc::new(Connections::new(config.limits.connections)),
            throttle: Throttle::default(),
            explainer: Explainer::new(config.explain, Arc::clone(&recorder)),
            recorder,
            rejected: rejected.transpose()?,
            late: LateMeter::default(),
            profiler: Profiler::start(profile_key(inbox.as_deref())?),
            inbox,
            acme,
            stage: AtomicU8::new(Stage::Serving as u8),
            config: ArcSwap::from_pointee(Snapshot::new(config)),
            metrics,
        })
    }

    /// Returns the configuration in force.
    pub(crate) fn config(&self) -> Arc<Snapshot> {
        self.config.load_full()
    }

    /// Reads the configuration in force without becoming an owner of it.
    pub(crate) fn with_config<T>(&self, read: impl FnOnce(&Config) -> T) -> T {
        read(&self.config.load())
    }

    /// Puts another configuration in force for requests whose head is still to come. Sizes that
    /// were fixed at the start (workers, budgets) stay. Only one task may call this.
    pub(crate) fn reconfigure(&self, config: Arc<Config>) {
        adopt_stored(&self.acme, &config);
        let next = self.config.load().followed_by(config);
        self.config.store(Arc::new(next));
        self.metrics.reloaded();
    }

    /// Forgets the profiles of removed endpoints. With an inbox, stores the others, and takes over
    /// those that other gates have stored.
    ///
    /// # Errors
    ///
    /// When the store cannot be used. The next call tries again.
    pub(crate) async fn synchronize_profiles(&self, all: bool) -> Result<(), StoreError> {
        let names: HashSet<Arc<str>> = self.with_config(|config| {
            let endpoints = config.endpoints.iter();
            endpoints
                .map(|endpoint| Arc::clone(&endpoint.name))
                .collect()
        });
        let is_configured = |name: &str| names.contains(name);
        self.profiler.retain(is_configured);
        let Some(inbox) = &self.inbox else {
            return Ok(());
        };
        let store = &*inbox.store;
        self.profiler.synchronize(store, is_configured, all).await
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Relaxed) {
            0 => Stage::Serving,
            1 => Stage::Leaving,
            _ => Stage::Closing,
        }
    }

    /// Whether the gate is ready for requests.
    pub(crate) fn is_ready(&self) -> bool {
        self.unready().is_none()
    }

    /// Returns the reason why the gate is not ready, if it is not.
    pub(crate) fn unready(&self) -> Option<&'static str> {
        let outage = || self.inbox.as_ref().and_then(|inbox| inbox.outage());
        if self.stage() != Stage::Serving {
            Some("draining")
        } else if matches!(outage(), Some(StoreError::Failed(_))) {
            Some("inbox failed")
        } else {
            None
        }
    }

    /// Whether every handshake fails because no certificate was issued yet. The gate is ready
    /// nevertheless: a balancer that sent it nothing would keep the ACME server's check away from
    /// it, and a restart would only lose the order.
    pub(crate) fn lacks_certificate(&self) -> bool {
        let is_automatic =
            || self.with_config(|config| matches!(config.tls, Some(Tls::Acme { .. })));
        self.acme.certificate().is_none() && is_automatic()
    }

    /// Returns the label of each certificate in force, and the times between which it is valid.
    pub(crate) fn certificates(&self) -> Vec<(String, Range<SystemTime>)> {
        if self.with_config(|config| matches!(config.tls, Some(Tls::Acme { .. }))) {
            let issued = self.acme.certificate().into_iter();
            let label =
                |one: &Certificate| (one.path().display().to_string(), one.validity().clone());
            return issued.map(|one| label(&one)).collect();
        }
        self.metrics.certificates()
    }

    /// Advances to a later stage and wakes all connections.
    pub(crate) fn advance(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Relaxed);
        self.connections.wake_all();
    }
}

/// Puts the certificate that a configuration has found in force, unless the present one is better.
/// A change from files to an ACME server therefore needs no order if there was one before.
fn adopt_stored(acme: &AcmeState, config: &Config) {
    if let Some(Tls::Acme {
        settings,
        stored: Some(stored),
    }) = &config.tls
    {
        let store = CertificateStore::new(settings);
        acme.offer(Arc::clone(stored), |one| store.is_right(one));
    }
}

/// Returns the key of the digests in profiles. Without an inbox, none outlives the process.
fn profile_key(inbox: Option<&Inbox>) -> io::Result<DigestKey> {
    match inbox {
        Some(inbox) => Ok(DigestKey::new(&inbox.sealer.profile_key())),
        None => DigestKey::random(),
    }
}
