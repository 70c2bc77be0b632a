//! The settings of a running gate.

pub mod admin;
pub mod limits;
pub mod timeouts;
pub mod tls;

use std::sync::Arc;

use admin::AdminAccess;

use crate::{
    alarm::AlarmReceiver,
    endpoint::Endpoints,
    inbox,
    net::trusted_hops::TrustedHops,
    proxy::config::{limits::Limits, timeouts::Timeouts, tls::Tls},
    rejected,
};

/// The configuration of a gate. The configuration that is in force when the head of a request
/// arrives applies to that request to its end.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether the caller reloads when a file of the configuration has changed.
    pub watch: bool,
    /// The number of workers. Each has a thread.
    pub workers: usize,
    /// The endpoints.
    pub endpoints: Endpoints,
    /// The limits of connections and memory.
    pub limits: Limits,
    /// The timeouts of each step.
    pub timeouts: Timeouts,
    /// The proxies whose headers about the client are trusted.
    pub trusted_hops: TrustedHops,
    /// The requests that get a line in the log.
    pub access_log: AccessLog,
    /// Whether the doctor explains signature mismatches.
    pub explain: bool,
    /// The directory of saved rejections. It stays as it was at the start.
    pub rejected: Option<rejected::Settings>,
    /// The store of durable endpoints. The caller opens it at the start.
    pub inbox: Option<inbox::Settings>,
    /// The origin of the certificate of TCP listeners, which then speak TLS. Unix sockets do not. A
    /// connection keeps the certificate that it began with.
    pub tls: Option<Tls>,
    /// The path of health checks on the public port. The response is 200 if the gate is ready, else
    /// 503.
    pub health_path: Option<String>,
    /// The access to the admin listener.
    pub admin: AdminAccess,
    /// The receivers of alarms.
    pub alarms: Vec<Arc<AlarmReceiver>>,
    /// The configuration as a file with every default, without secrets. Operators may see it.
    pub shown: Arc<str>,
}

/// The requests that get a line in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum AccessLog {
    /// Every request.
    #[default]
    All,
    /// Rejected and failed requests.
    Refused,
    /// None, except verified deliveries that were not accepted: these are errors.
    Off,
}

impl Config {
    /// Makes a configuration for `endpoints` with defaults for the rest.
    #[must_use]
    pub fn new(endpoints: Endpoints) -> Self {
        Self {
            watch: false,
            workers: default_workers(),
            endpoints,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            trusted_hops: TrustedHops::default(),
            access_log: AccessLog::default(),
            explain: false,
            rejected: None,
            inbox: None,
            tls: None,
            health_path: None,
            admin: AdminAccess::default(),
            alarms: Vec::new(),
            shown: Arc::from(""),
        }
    }

    /// Returns the same configuration with other endpoints.
    #[must_use]
    pub fn with_endpoints(&self, endpoints: Endpoints) -> Arc<Self> {
        Arc::new(Self {
            endpoints,
            ..self.clone()
        })
    }
}

/// Returns the number of cores that this process may use: one worker for each. A CPU quota of the
/// control group counts in whole cores, and is at least one.
#[must_use]
pub fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
