//! A whole configuration: every value is valid by itself and with the others, and nothing that it
//! names was read yet. Flags and file both become a plan; `load` turns a plan into the settings of
//! a running gate.

use std::{
    collections::BTreeSet,
    fmt::{self, Display},
    path::PathBuf,
    sync::LazyLock,
};

use tower_cartgate::SecretName;

use super::{
    finding::{Finding, Place},
    places::Places,
    sections::{
        admin::AdminPlan, alarm::AlarmPlan, destination::DestinationPlan, endpoint::EndpointPlan,
        inbox::InboxPlan, log::LogPlan, rejected::RejectedPlan, secrets::Secrets,
        server::ServerPlan, tls::TlsPlan,
    },
    setting::{
        definition::{Group, Section, Setting},
        kinds::NAME,
        map::Map,
        secret::source_schema,
        show::show,
        table::{Tables, optional_table, table},
    },
    verdict_mode,
};
use crate::{
    net::listener::ListenAddress,
    secret::source::{self, SecretSource},
};

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The public addresses, the process, the limits and the timeouts.
    pub server: ServerPlan,
    /// The listener for operators; none if they cannot connect.
    pub admin: Option<AdminPlan>,
    /// The directory of saved rejections; none if they are not saved.
    pub rejected: Option<RejectedPlan>,
    /// The store of durable deliveries; none without durable endpoints.
    pub inbox: Option<InboxPlan>,
    /// The receivers of alarms.
    pub alarms: Vec<AlarmPlan>,
    /// Log lines and their format.
    pub log: LogPlan,
    /// The secrets that endpoints accept.
    pub secrets: Secrets,
    /// The protected paths.
    pub endpoints: Vec<EndpointPlan>,
    /// Values that look like mistakes.
    pub warnings: Vec<Finding>,
    /// Endpoints with mistakes.
    incomplete: Vec<EndpointPlan>,
    /// Receivers of alarms with mistakes.
    incomplete_alarms: Vec<AlarmPlan>,
}

static GROUPS: LazyLock<Vec<Group<Plan>>> = LazyLock::new(|| {
    let tables = [
        Setting::new(
            "server",
            "Public addresses, process, limits and timeouts",
            table(|plan: &mut Plan| &mut plan.server),
        )
        .required("a table [server] with at least `listen`"),
        Setting::new(
            "admin",
            "Listener for operators and their tools",
            optional_table(|plan: &mut Plan| &mut plan.admin),
        ),
        Setting::new(
            "rejected",
            "Directory of saved rejections, and its limits",
            optional_table(|plan: &mut Plan| &mut plan.rejected),
        )
        .details("Without it, no rejection is saved."),
        Setting::new(
            "inbox",
            "Store of the deliveries of durable endpoints",
            optional_table(|plan: &mut Plan| &mut plan.inbox),
        )
        .details("It is required by durable endpoints."),
        Setting::new(
            "alarm",
            "Receivers of messages about conditions that need a person",
            Tables {
                header: "[[alarm]]",
                not_empty: "expected at least one table [[alarm]] with a `url`",
                at: |plan: &mut Plan| &mut plan.alarms,
                incomplete: |plan: &mut Plan| &mut plan.incomplete_alarms,
                needs_all: false,
            },
        ),
        Setting::new(
            "log",
            "Log lines and their format",
            table(|plan: &mut Plan| &mut plan.log),
        ),
        Setting::new(
            "secret",
            "Secrets by name; each comes from a file, an environment variable (env) or a systemd credential",
            Map {
                names: NAME,
                schema: source_schema,
                read: |plan: &mut Plan, table, name, value| plan.secrets.read(table, name, value),
                show: |plan: &Plan| plan.secrets.show(),
            },
        )
        .details("One newline at the end of a secret is ignored; nothing is decoded."),
        Setting::new(
            "endpoint",
            "Protected paths",
            Tables {
                header: "[[endpoint]]",
                not_empty: NO_ENDPOINT,
                at: |plan: &mut Plan| &mut plan.endpoints,
                incomplete: |plan: &mut Plan| &mut plan.incomplete,
                needs_all: false,
            },
        )
        .required(NO_ENDPOINT),
    ];
    vec![Group::new("", tables)]
});

const NO_ENDPOINT: &str = "expected at least one table [[endpoint]] with a path to protect";

impl Plan {
    /// Returns the source of each secret that the endpoint accepts, with the place that names it.
    pub fn sources<'p>(
        &'p self,
        endpoint: &'p EndpointPlan,
    ) -> impl Iterator<Item = (Place, &'p SecretSource)> {
        let named = endpoint.secrets.iter();
        named.filter_map(|(at, name)| Some((*at, self.secrets.source(name)?)))
    }

    /// Returns every destination.
    pub fn destinations(&self) -> impl Iterator<Item = &DestinationPlan> {
        self.endpoints.iter().flat_map(|one| &one.destinations)
    }

    /// Returns the environment variables that hold its secrets.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        self.secret_places()
            .filter_map(|place| match place {
                source::SecretPlace::Variable(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Returns the files that a load reads.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let secrets = self.secret_places().filter_map(source::SecretPlace::path);
        let tls = self.server.tls.iter();
        let authorities = self.destinations().filter_map(|one| one.ca_file.clone());
        secrets
            .chain(tls.flat_map(TlsPlan::read_files))
            .chain(self.inbox.iter().filter_map(|inbox| inbox.ca_file.clone()))
            .chain(self.alarms.iter().filter_map(|one| one.ca_file.clone()))
            .chain(authorities)
            .collect()
    }

    fn secret_places(&self) -> impl Iterator<Item = &source::SecretPlace> {
        let secrets = self.secrets.sources().map(SecretSource::place);
        let token = self.admin.as_ref().and_then(|admin| admin.token.as_ref());
        secrets
            .chain(self.destinations().flat_map(DestinationPlan::sources))
            .chain(token.map(|(_, place)| place))
            .chain(self.inbox.iter().flat_map(InboxPlan::sources))
            .chain(self.alarms.iter().flat_map(AlarmPlan::sources))
    }

    /// Returns the text of the plan for operators who may not see its files. A URL's query may
    /// contain a token, so it is left out.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut plan = self.clone();
        let endpoints = plan.endpoints.iter_mut();
        for destination in endpoints.flat_map(|one| &mut one.destinations) {
            destination.address = destination.address.without_query();
        }
        plan.to_string()
    }

    /// Returns the address of the admin listener.
    #[must_use]
    pub fn admin_address(&self) -> Option<&ListenAddress> {
        self.admin.as_ref().map(|admin| &admin.listen)
    }

    /// Returns the changed settings that need a restart: a gate has its sockets and sizes from its
    /// start.
    #[must_use]
    pub fn needs_restart(&self, running: &Self) -> Vec<&'static str> {
        let (new, old) = (&self.server, &running.server);
        let log = |plan: &Self| (plan.log.format, plan.log.level, plan.log.explain);
        let rejected = |plan: &Self| plan.rejected.as_ref().map(|one| one.settings.clone());
        let same_inbox = match (&self.inbox, &running.inbox) {
            (Some(new), Some(old)) => new.needs_same_store_as(old),
            (new, old) => new.is_none() && old.is_none(),
        };
        [
            ("listen", new.listen != old.listen),
            ("sandbox", new.sandbox != old.sandbox),
            ("workers", new.workers != old.workers),
            (
                "max_connections",
                new.limits.connections != old.limits.connections,
            ),
            ("max_memory", new.limits.memory != old.limits.memory),
            ("admin", self.admin_address() != running.admin_address()),
            ("rejected", rejected(self) != rejected(running)),
            ("inbox", !same_inbox),
            ("log", log(self) != log(running)),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }

    fn check_secrets(&self, findings: &mut Vec<Finding>) {
        let endpoints = self.endpoints.iter().chain(&self.incomplete);
        for endpoint in endpoints {
            let mut seen = Vec::new();
            for (at, name) in &endpoint.secrets {
                findings.extend(self.secrets.missing(*at, name));
                if seen.contains(&name) {
                    findings.push(Finding::new(*at, "this secret is named twice"));
                }
                seen.push(name);
            }
        }
    }

    fn check_inbox_is_needed(&self, findings: &mut Vec<Finding>) {
        let mut endpoints = self.endpoints.iter().chain(&self.incomplete);
        let is_needed = endpoints.any(EndpointPlan::needs_inbox);
        match self.at.written("inbox") {
            Some(at) if !is_needed => {
                let message = "no endpoint is `durable`, so nothing would be stored here";
                findings.push(Finding::new(at, message));
            }
            None if is_needed => {
                let message = "`inbox` is missing: a table [inbox] with at least `store`, since an endpoint is `durable`";
                findings.push(Finding::new(self.at.table(), message));
            }
            _ => {}
        }
    }

    fn unused_secrets(&self) -> Vec<Finding> {
        let endpoints = self.endpoints.iter().chain(&self.incomplete);
        let used = endpoints.flat_map(|endpoint| &endpoint.secrets);
        let used: BTreeSet<&SecretName> = used.map(|(_, name)| name).collect();
        self.secrets.unused(&used)
    }
}

impl Section for Plan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            server: ServerPlan::new(at.clone()),
            admin: None,
            rejected: None,
            inbox: None,
            alarms: Vec::new(),
            log: LogPlan::new(at.clone()),
            secrets: Secrets::default(),
            endpoints: Vec::new(),
            warnings: Vec::new(),
            incomplete: Vec::new(),
            incomplete_alarms: Vec::new(),
            at,
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }

    fn finish(&mut self, findings: &mut Vec<Finding>) {
        self.check_secrets(findings);
        self.check_inbox_is_needed(findings);
        for endpoint in self.endpoints.iter().chain(&self.incomplete) {
            verdict_mode::check(endpoint, findings);
        }
        self.warnings = self.unused_secrets();
    }
}

/// Writes the plan as a file that means the same, with every default. Secrets are named by their
/// places and never shown, so the text can be passed on.
impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = show(&mut self.clone()).to_string();
        f.write_str(shown.trim_end())
    }
}
