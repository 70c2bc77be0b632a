//! A configuration as it was meant: every value is valid by itself and by the others, and nothing that it names was read yet.
//! Flags and file both become a plan; `load` turns a plan into what serves requests.

use std::{path::PathBuf, time::Duration};

use http::{HeaderName, Method};
use tower_cartgate::{EventKind, FreshRule, PointerError};

use super::{
    event_plan::EventPlan,
    finding::{Finding, Place},
};
use crate::{
    delivery::header_changes::HeaderChanges,
    destination::Settings,
    endpoint::{Host, PathRule, Query},
    inbox::{
        Schedule,
        settings::{Limits as InboxLimits, StoreAddress},
    },
    net::{address::Address, listener::ListenAddress, trusted_hops::Hop},
    proxy::config::{AccessLog, limits::Limits, timeouts::Timeouts},
    rejected,
    secret::source::{self, SecretSource},
    telemetry::log::{Format, Level},
};

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where it listens, how it runs and what clients may take.
    pub server: ServerPlan,
    /// Where operators ask how it is; none for nowhere.
    pub admin: Option<AdminPlan>,
    /// Where it stores the events of durable endpoints; none without such endpoints.
    pub inbox: Option<InboxPlan>,
    /// What it writes down.
    pub log: LogPlan,
    /// What it protects.
    pub endpoints: Vec<EndpointPlan>,
    /// What looks like a mistake and is none.
    pub warnings: Vec<Finding>,
}

/// Where a gate listens, how it runs and what clients may take.
#[derive(Debug, Clone)]
pub struct ServerPlan {
    /// The public addresses.
    pub listen: Vec<ListenAddress>,
    /// Where they were written.
    pub listen_at: Place,
    /// How many workers serve.
    pub workers: usize,
    /// Whose word about the client is believed.
    pub trusted_proxies: Vec<Hop>,
    /// What all clients together may take.
    pub limits: Limits,
    /// Where the memory's limit was written, or should have been.
    pub memory_at: Place,
    /// How long each step may last.
    pub timeouts: Timeouts,
    /// A path where GET tells whether the gate is ready.
    pub health_path: Option<String>,
    /// The files of the certificate that its TCP addresses show; none for plain HTTP.
    pub tls: Option<TlsPlan>,
    /// Where deliveries are kept whose signature does not match.
    pub keep_refused: Option<rejected::Settings>,
    /// Where that was written, or should have been.
    pub keep_refused_at: Place,
}

/// Where operators ask how a gate is, and who may.
#[derive(Debug, Clone)]
pub struct AdminPlan {
    /// Where it was written.
    pub at: Place,
    /// The address.
    pub listen: ListenAddress,
    /// The bearer token that is asked for.
    pub token: Option<(Place, source::Place)>,
    /// Names by which it may be called, beside addresses and `localhost`.
    pub hosts: Vec<Host>,
}

/// The files of a certificate.
#[derive(Debug, Clone)]
pub struct TlsPlan {
    /// Where they were written.
    pub at: Place,
    /// The chain, the gate's own certificate first.
    pub cert: PathBuf,
    /// The key that belongs to it.
    pub key: PathBuf,
}

/// How events of durable endpoints are stored. A change of it is taken up by a restart alone.
#[derive(Debug, Clone)]
pub struct InboxPlan {
    /// Where the address of the store was written.
    pub at: Place,
    /// Where events are stored.
    pub store: StoreAddress,
    /// PostgreSQL's password.
    pub password: Option<(Place, source::Place)>,
    /// Whose certificate PostgreSQL may show.
    pub ca_file: Option<(Place, PathBuf)>,
    /// The key of the seals.
    pub key: Option<(Place, source::Place)>,
    /// What encrypts stored events.
    pub encryption_key: Option<(Place, source::Place)>,
    /// What it may hold.
    pub limits: InboxLimits,
    /// How long delivered events are kept.
    pub retain: Duration,
}

/// What a gate writes down.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogPlan {
    /// How lines look.
    pub format: Format,
    /// Which lines are written.
    pub level: Level,
    /// Which requests get a line.
    pub access: AccessLog,
    /// Whether a signature that does not match is looked into.
    pub explain: bool,
}

/// One endpoint.
#[derive(Debug, Clone)]
pub struct EndpointPlan {
    /// Where it was written.
    pub at: Place,
    /// What logs, metrics and apps call it.
    pub name: String,
    /// Which paths are its.
    pub path: PathRule,
    /// Which host is its; none for every host.
    pub host: Option<Host>,
    /// Methods that are let in.
    pub methods: Vec<Method>,
    /// The header that carries the signature.
    pub header: HeaderName,
    /// The largest body in bytes.
    pub max_body: u64,
    /// How the kind of event is told.
    pub event: EventPlan,
    /// How old a delivery may be by its own signed time; none for every age.
    pub fresh: Option<FreshPlan>,
    /// What becomes of a query.
    pub query: Query,
    /// What its deliveries' headers have more or less.
    pub headers: HeaderChanges,
    /// Its secrets, the newest first, each with the place where it was named.
    pub secrets: Vec<(Place, SecretSource)>,
    /// Where verified deliveries go.
    pub onward: OnwardPlan,
}

/// What becomes of an endpoint's verified deliveries.
#[derive(Debug, Clone)]
pub enum OnwardPlan {
    /// They are handed to the one destination at once.
    Direct(Box<DestinationPlan>),
    /// They are stored first.
    Durable {
        /// A JSON pointer to a value that no other event has.
        unique: Option<String>,
        /// Where they go then, at least one.
        queues: Vec<QueuePlan>,
    },
}

/// One destination of a durable endpoint.
#[derive(Debug, Clone)]
pub struct QueuePlan {
    /// Where it is; the queue has its name. How long an answer may take to begin is the time of the whole attempt.
    pub destination: DestinationPlan,
    /// The kinds that it wants; all, if none is named.
    pub kinds: Vec<EventKind>,
    /// The waits between attempts.
    pub schedule: Schedule,
    /// Attempts at once.
    pub concurrency: usize,
}

/// How old a delivery may be by its own signed time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshPlan {
    /// A JSON pointer to the time.
    pub pointer: String,
    /// How old it may be.
    pub within: Duration,
    /// How far ahead of this machine's clock it may be.
    pub skew: Duration,
}

/// Where verified deliveries of an endpoint go.
#[derive(Debug, Clone)]
pub struct DestinationPlan {
    /// Where it was written.
    pub at: Place,
    /// What logs and metrics call it.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// How it is treated, but for what secrets say.
    pub settings: Settings,
    /// Headers whose values are secrets, each with the place where it was written.
    pub headers: Vec<(Place, HeaderName, source::Place)>,
    /// The secrets by which attempts are signed as Standard Webhooks.
    pub standard_webhooks: Vec<(Place, source::Place)>,
}

impl FreshPlan {
    /// The rule that reads it.
    ///
    /// # Errors
    ///
    /// When the pointer is none.
    pub fn rule(&self) -> Result<FreshRule, PointerError> {
        Ok(FreshRule::new(&self.pointer, self.within)?.with_skew(self.skew))
    }
}

impl OnwardPlan {
    /// All destinations.
    pub fn destinations(&self) -> impl Iterator<Item = &DestinationPlan> {
        let (direct, queues) = match self {
            Self::Direct(destination) => (Some(&**destination), None),
            Self::Durable { queues, .. } => (None, Some(queues)),
        };
        let durable = queues.into_iter().flatten();
        direct
            .into_iter()
            .chain(durable.map(|queue| &queue.destination))
    }

    /// Its queues; none if it is direct.
    #[must_use]
    pub fn queues(&self) -> &[QueuePlan] {
        match self {
            Self::Direct(_) => &[],
            Self::Durable { queues, .. } => queues,
        }
    }
}

impl InboxPlan {
    /// The places of its secrets.
    fn places(&self) -> impl Iterator<Item = &source::Place> {
        let all = [&self.password, &self.key, &self.encryption_key];
        all.into_iter().flatten().map(|(_, place)| place)
    }

    /// Whether it sets the same, wherever that was written. Secrets and the authority are compared by what they are, in
    /// [`Inbox::follow`](crate::inbox::Inbox).
    fn sets_the_same_as(&self, other: &Self) -> bool {
        let set = |plan: &Self| (plan.store.clone(), plan.limits, plan.retain);
        set(self) == set(other)
    }
}

impl AdminPlan {
    /// A listener without a token or names.
    #[must_use]
    pub fn at(at: Place, listen: ListenAddress) -> Self {
        Self {
            at,
            listen,
            token: None,
            hosts: Vec::new(),
        }
    }
}

impl DestinationPlan {
    /// The places of all its secrets.
    fn places(&self) -> impl Iterator<Item = &source::Place> {
        let headers = self.headers.iter().map(|(.., place)| place);
        headers.chain(self.standard_webhooks.iter().map(|(_, place)| place))
    }
}

impl Plan {
    /// The environment variables that it takes secrets from.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let own = self.endpoints.iter().flat_map(|one| &one.secrets);
        let own = own.map(|(_, source)| source.place());
        let others = self
            .endpoints
            .iter()
            .flat_map(|one| one.onward.destinations())
            .flat_map(DestinationPlan::places);
        let token = self.admin.as_ref().and_then(|admin| admin.token.as_ref());
        own.chain(others)
            .chain(token.map(|(_, place)| place))
            .chain(self.inbox.iter().flat_map(InboxPlan::places))
            .filter_map(|place| match place {
                source::Place::Variable(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Where operators ask.
    #[must_use]
    pub fn admin_address(&self) -> Option<&ListenAddress> {
        self.admin.as_ref().map(|admin| &admin.listen)
    }

    /// What a running gate cannot take up: it holds sockets and sizes from its start.
    #[must_use]
    pub fn needs_restart(&self, running: &Self) -> Vec<&'static str> {
        let (new, old) = (&self.server, &running.server);
        let log = |plan: &Self| (plan.log.format, plan.log.level, plan.log.explain);
        let same_inbox = match (&self.inbox, &running.inbox) {
            (Some(new), Some(old)) => new.sets_the_same_as(old),
            (new, old) => new.is_none() && old.is_none(),
        };
        [
            ("listen", new.listen != old.listen),
            ("workers", new.workers != old.workers),
            (
                "max_connections",
                new.limits.connections != old.limits.connections,
            ),
            ("max_memory", new.limits.memory != old.limits.memory),
            ("admin", self.admin_address() != running.admin_address()),
            ("keep_refused", new.keep_refused != old.keep_refused),
            ("inbox", !same_inbox),
            ("log", log(self) != log(running)),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}
