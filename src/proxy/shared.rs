//! The state that all workers of a gate share: the configuration in force, the budgets, the open
//! connections and the metrics. Nothing in it belongs to one request, and reading it needs no lock.

use std::{
    collections::HashSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;

use crate::{
    inbox::{Inbox, store::StoreError},
    profile::{DigestKey, Profiler},
    proxy::{
        admission::{Connections, Memory},
        config::Config,
        explain::Explainer,
        meters::Metrics,
        recorder::Recorder,
        snapshot::Snapshot,
    },
    rejected,
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
    /// Learns from verified deliveries.
    pub(crate) profiler: Profiler,
    /// The store for the deliveries of durable endpoints.
    pub(crate) inbox: Option<Arc<Inbox>>,
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
        Ok(Self {
            memory: Arc::new(Memory::new(config.limits.memory)),
            connections: Arc::new(Connections::new(config.limits.connections)),
            throttle: Throttle::default(),
            explainer: Explainer::new(config.explain, Arc::clone(&recorder)),
            recorder,
            rejected: rejected.transpose()?,
            profiler: Profiler::start(profile_key(inbox.as_deref())?),
            inbox,
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

    /// Whether the gate is ready for requests. It is not while it drains, nor once its inbox has
    /// failed: then it cannot acknowledge an event until it is restarted.
    pub(crate) fn is_ready(&self) -> bool {
        self.unready().is_none()
    }

    /// Returns the reason why the gate is not ready, if it is not.
    pub(crate) fn unready(&self) -> Option<&'static str> {
        let outage = || self.inbox.as_ref().and_then(|inbox| inbox.outage());
        match self.stage() {
            Stage::Leaving | Stage::Closing => Some("draining"),
            Stage::Serving => {
                matches!(outage(), Some(StoreError::Failed(_))).then_some("inbox failed")
            }
        }
    }

    /// Advances to a later stage and wakes all connections.
    pub(crate) fn advance(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Relaxed);
        self.connections.wake_all();
    }
}

/// Returns the key of the digests in profiles. Without an inbox, none outlives the process.
fn profile_key(inbox: Option<&Inbox>) -> io::Result<DigestKey> {
    match inbox {
        Some(inbox) => Ok(DigestKey::new(&inbox.sealer.profile_key())),
        None => DigestKey::random(),
    }
}
