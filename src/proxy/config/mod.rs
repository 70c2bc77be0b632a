//! The settings of a running gate.

pub mod admin;
pub mod limits;
pub mod timeouts;

use std::sync::Arc;

use admin::AdminAccess;

use crate::{
    endpoint::Endpoints,
    inbox,
    net::{certificate::Certificate, trusted_hops::TrustedHops},
    proxy::config::{limits::Limits, timeouts::Timeouts},
    rejected,
};

/// One snapshot of the configuration. A request is judged by the snapshot that was in force when
/// its head arrived, to its end.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many workers serve; each has a thread of its own.
    pub workers: usize,
    /// What is protected, and where it is.
    pub endpoints: Endpoints,
    /// What a client, and all clients together, may take.
    pub limits: Limits,
    /// How long each step may last.
    pub timeouts: Timeouts,
    /// Whose word about the client's address is believed.
    pub trusted_hops: TrustedHops,
    /// Which requests get a line in the log.
    pub access_log: AccessLog,
    /// Whether a signature that does not match is looked into.
    pub explain: bool,
    /// Whether and where refused deliveries are kept; fixed at the start.
    pub keep_refused: Option<rejected::Settings>,
    /// Where the events of durable endpoints are stored; opened at the start by the caller.
    pub inbox: Option<inbox::Settings>,
    /// With it TCP listeners speak TLS; Unix sockets stay plain. A connection keeps the one that it
    /// began with.
    pub tls: Option<Arc<Certificate>>,
    /// A path of the public port where GET is answered by 200 or 503: whether the gate is ready.
    pub health_path: Option<String>,
    /// Who may ask the admin listener.
    pub admin: AdminAccess,
}

/// Which requests get a line in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum AccessLog {
    /// Every request.
    #[default]
    All,
    /// Those that were refused or failed.
    Refused,
    /// None. Deliveries that were verified and not taken are errors, and stay.
    Off,
}

impl Config {
    /// A gate for `endpoints` with every other value at its default.
    #[must_use]
    pub fn new(endpoints: Endpoints) -> Self {
        Self {
            workers: default_workers(),
            endpoints,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            trusted_hops: TrustedHops::default(),
            access_log: AccessLog::default(),
            explain: false,
            keep_refused: None,
            inbox: None,
            tls: None,
            health_path: None,
            admin: AdminAccess::default(),
        }
    }

    /// The same configuration with other endpoints: for tests and for callers that know their endpoints.
    #[must_use]
    pub fn with_endpoints(&self, endpoints: Endpoints) -> Arc<Self> {
        Arc::new(Self {
            endpoints,
            ..self.clone()
        })
    }
}

/// One worker a core.
#[must_use]
pub fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
