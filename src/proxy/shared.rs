//! What all requests of a gate share: the configuration in force, the budgets, the roster of
//! connections, the log's throttle and the metrics. Read without contention; nothing here is per
//! request.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;

use crate::{
    inbox::{Inbox, store::StoreError},
    proxy::{
        admission::{Connections, Memory},
        config::Config,
        explain::Explainer,
        meters::Metrics,
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
    pub(crate) memory: Memory,
    pub(crate) connections: Arc<Connections>,
    pub(crate) throttle: Throttle,
    pub(crate) explainer: Option<Explainer>,
    pub(crate) rejected: Option<rejected::Writer>,
    /// Where the deliveries of durable endpoints are kept.
    pub(crate) inbox: Option<Arc<Inbox>>,
    stage: AtomicU8,
}

/// How far a gate is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It takes requests.
    Serving,
    /// It takes requests, says that it is not ready, and closes each connection after its answer.
    Leaving,
    /// It ends what is under way; what waits between requests is closed.
    Closing,
}

impl Shared {
    /// # Errors
    ///
    /// When refused deliveries cannot be kept where they are to be.
    pub(crate) fn new(
        config: Arc<Config>,
        metrics: Arc<Metrics>,
        inbox: Option<Arc<Inbox>>,
    ) -> io::Result<Self> {
        let rejected = config.keep_refused.clone().map(rejected::Writer::start);
        Ok(Self {
            memory: Memory::new(config.limits.memory),
            connections: Arc::new(Connections::new(config.limits.connections)),
            throttle: Throttle::default(),
            explainer: config.explain.then(Explainer::start),
            rejected: rejected.transpose()?,
            inbox,
            stage: AtomicU8::new(Stage::Serving as u8),
            config: ArcSwap::from_pointee(Snapshot::new(config)),
            metrics,
        })
    }

    /// The configuration in force at this moment.
    pub(crate) fn config(&self) -> Arc<Snapshot> {
        self.config.load_full()
    }

    /// Looks at the configuration in force without taking a share in it.
    pub(crate) fn with_config<T>(&self, look: impl FnOnce(&Config) -> T) -> T {
        look(&self.config.load())
    }

    /// Puts another configuration in force for requests whose head has yet to come. Sizes that were
    /// fixed at the start (workers, budgets) stay. Only one task may do so.
    pub(crate) fn reconfigure(&self, config: Arc<Config>) {
        let next = self.config.load().followed_by(config);
        self.config.store(Arc::new(next));
        self.metrics.reloaded();
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Relaxed) {
            0 => Stage::Serving,
            1 => Stage::Leaving,
            _ => Stage::Closing,
        }
    }

    /// Whether requests are to be sent here: a gate on its way out takes them, but says so; one whose inbox has failed can
    /// acknowledge nothing until it is started anew.
    pub(crate) fn is_ready(&self) -> bool {
        let outage = || self.inbox.as_ref().and_then(|inbox| inbox.outage());
        self.stage() == Stage::Serving && !matches!(outage(), Some(StoreError::Failed(_)))
    }

    pub(crate) fn advance(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Relaxed);
        self.connections.wake_all();
    }
}
