//! A configuration as it was meant: every value is valid by itself and by the others, and nothing that it names was read yet.
//! Flags and file both become a plan; `load` turns a plan into what serves requests.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use http::{HeaderName, Method};
use tower_cartgate::{EventKind, EventRule, FreshRule, PointerError, most_held};

use super::{
    AccessLog, Clocks, Hop, Limits,
    finding::{Finding, Place},
};
use crate::{
    admin,
    destination::{Address, Settings, Trust},
    endpoint::{HeaderChanges, Host, PathRule, Query},
    kept,
    listener::ListenAddress,
    log::{Format, Level},
    secret_source::{self, SecretSource},
};

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where it listens, how it runs and what clients may take.
    pub server: ServerPlan,
    /// Where operators ask how it is; none for nowhere.
    pub admin: Option<AdminPlan>,
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
    /// How many workers serve.
    pub workers: usize,
    /// Whose word about the client is believed.
    pub trusted_proxies: Vec<Hop>,
    /// What all clients together may take.
    pub limits: Limits,
    /// Where the memory's limit was written, or should have been.
    pub memory_at: Place,
    /// How long each step may last.
    pub clocks: Clocks,
    /// A path where GET tells whether the gate is ready.
    pub health_path: Option<String>,
    /// The files of the certificate that its TCP addresses show; none for plain HTTP.
    pub tls: Option<TlsPlan>,
    /// Where deliveries are kept whose signature does not match.
    pub keep_refused: Option<kept::Settings>,
}

/// Where operators ask how a gate is, and who may.
#[derive(Debug, Clone)]
pub struct AdminPlan {
    /// Where it was written.
    pub at: Place,
    /// The address.
    pub listen: ListenAddress,
    /// The bearer token that is asked for.
    pub token: Option<(Place, secret_source::Place)>,
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
    pub destination: DestinationPlan,
}

/// How the kind of an event is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventPlan {
    /// By the endpoint.
    Given(EventKind),
    /// By a signed field.
    Field {
        /// A JSON pointer.
        pointer: String,
        /// Texts there that mean an order.
        order: Vec<String>,
        /// Texts there that mean an abandoned cart.
        abandoned_cart: Vec<String>,
        /// The kinds that are let through; all, if none is named.
        only: Vec<EventKind>,
    },
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
    pub headers: Vec<(Place, HeaderName, secret_source::Place)>,
    /// The secrets by which attempts are signed as Standard Webhooks.
    pub standard_webhooks: Vec<(Place, secret_source::Place)>,
}

impl EventPlan {
    /// The rule that reads it.
    ///
    /// # Errors
    ///
    /// When the pointer is none.
    pub fn rule(&self) -> Result<EventRule, PointerError> {
        match self {
            Self::Given(kind) => Ok(EventRule::given(*kind)),
            Self::Field {
                pointer,
                order,
                abandoned_cart,
                only,
            } => {
                let rule = EventRule::pointer(pointer)?
                    .order(order.iter().cloned())
                    .abandoned_cart(abandoned_cart.iter().cloned());
                Ok(if only.is_empty() {
                    rule
                } else {
                    rule.only(only.iter().copied())
                })
            }
        }
    }

    /// A kind that `only` names although no text means it: whoever waits for it waits for ever.
    fn unreachable(&self) -> Option<EventKind> {
        let Self::Field {
            order,
            abandoned_cart,
            only,
            ..
        } = self
        else {
            return None;
        };
        only.iter().copied().find(|kind| match kind {
            EventKind::Order => order.is_empty(),
            EventKind::AbandonedCart => abandoned_cart.is_empty(),
            EventKind::Other => false,
        })
    }
}

impl FreshPlan {
    /// The rule that reads it.
    ///
    /// # Errors
    ///
    /// When the pointer is none.
    pub fn rule(&self) -> Result<FreshRule, PointerError> {
        Ok(FreshRule::new(&self.pointer, self.within)?.skew(self.skew))
    }
}

impl DestinationPlan {
    /// The places of all its secrets.
    fn places(&self) -> impl Iterator<Item = &secret_source::Place> {
        let headers = self.headers.iter().map(|(.., place)| place);
        headers.chain(self.standard_webhooks.iter().map(|(_, place)| place))
    }
}

impl Plan {
    /// What each value for itself does not rule out.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn check(self) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        self.check_memory(&mut findings);
        self.check_names(&mut findings);
        if let Some(admin) = &self.admin
            && let Err(error) = admin::may_listen(&admin.listen, admin.token.is_some())
        {
            findings.push(Finding::new(admin.at, error));
        }
        for endpoint in &self.endpoints {
            let destination = &endpoint.destination;
            if matches!(destination.settings.trust, Trust::CaFile(_))
                && !destination.address.is_tls()
            {
                let message = "a CA file says whose certificates are believed, and only an https URL shows one";
                findings.push(Finding::new(destination.at, message));
            }
            if let Some(kind) = endpoint.event.unreachable() {
                let message = format!(
                    "`only` lets `{kind}` through, but no text is named that means it, so none ever comes"
                );
                findings.push(Finding::new(endpoint.at, message));
            }
        }
        if findings.is_empty() {
            Ok(self)
        } else {
            Err(findings)
        }
    }

    fn check_memory(&self, findings: &mut Vec<Finding>) {
        let largest = self.endpoints.iter().map(|one| one.max_body).max();
        let needed = most_held(largest.unwrap_or(0));
        if needed > self.server.limits.memory {
            let message = format!(
                "too little memory for one body of the largest `max_body`; give it at least {needed} bytes"
            );
            findings.push(Finding::new(self.server.memory_at, message));
        }
    }

    fn check_names(&self, findings: &mut Vec<Finding>) {
        let (mut names, mut routes) = (HashMap::new(), HashMap::new());
        for endpoint in &self.endpoints {
            if let Some(first) = names.insert(&endpoint.name, endpoint.at) {
                let message = format!("the endpoint at {first} has the same name");
                findings.push(Finding::new(endpoint.at, message));
            }
            let route = (endpoint.path.to_string(), &endpoint.host);
            if let Some(first) = routes.insert(route, endpoint.at) {
                let message = format!("the endpoint at {first} has the same path and host");
                findings.push(Finding::new(endpoint.at, message));
            }
        }
    }

    /// The environment variables that it takes secrets from.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let own = self.endpoints.iter().flat_map(|one| &one.secrets);
        let own = own.map(|(_, source)| source.place());
        let others = self
            .endpoints
            .iter()
            .flat_map(|one| one.destination.places());
        let token = self.admin.as_ref().and_then(|admin| admin.token.as_ref());
        own.chain(others)
            .chain(token.map(|(_, place)| place))
            .filter_map(|place| match place {
                secret_source::Place::Variable(name) => Some(name.as_str()),
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
            ("log", log(self) != log(running)),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}
