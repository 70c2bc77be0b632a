//! The flags of `serve` as a [`Plan`] with one endpoint. Values were judged when they were parsed, by the same functions that
//! the file's values go through; no I/O here.

use std::path::{Path, PathBuf};

use crate::{
    cli::{
        AdminArgs, ClockArgs, DestinationArgs, DurableArgs, EventArgs, LimitArgs, ServeArgs,
        StoreFileArgs, TlsArgs,
    },
    config::{
        event_plan::EventPlan,
        finding::{Finding, Place},
        plan::{
            AdminPlan, DestinationPlan, EndpointPlan, InboxPlan, LogPlan, OnwardPlan, Plan,
            QueuePlan, ServerPlan, TlsPlan,
        },
    },
    delivery::header_changes::HeaderChanges,
    destination::{HostRule, Settings},
    endpoint::{PathRule, Query},
    inbox::{self, Queue, Schedule, settings::StoreAddress},
    net::{address::Address, connect::Trust},
    proxy::config::{default_workers, limits::Limits, timeouts::Timeouts},
    rejected,
    secret::source::{
        self, ADMIN_TOKEN_VARIABLE, INBOX_ENCRYPTION_KEY_VARIABLE, INBOX_KEY_VARIABLE,
        INBOX_PASSWORD_VARIABLE, SecretSource,
    },
};
use tower_cartgate::EventKind;

impl Plan {
    /// What the flags mean.
    ///
    /// # Errors
    ///
    /// Every mistake that was found, not only the first.
    pub fn from_flags(args: &ServeArgs) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        let sources = SecretSource::or_environment(args.secret_file.clone());
        let secrets = keep(Place::flag("--secret-file"), sources, &mut findings);
        let upstream = args.upstream.clone().ok_or("which app is to be protected?");
        let upstream = keep(Place::flag("--upstream"), upstream, &mut findings);
        let event = event(&args.event);
        keep(Place::flag("--event-pointer"), event.rule(), &mut findings);
        let (Some(secrets), Some(upstream), true) = (secrets, upstream, findings.is_empty()) else {
            return Err(findings);
        };
        let mut warnings = Vec::new();
        if args.path.is_none() && upstream.target().is_none() {
            warnings.push(Finding::new(Place::flag("--upstream"), AIMED));
        }
        let plan = Self {
            server: server(args),
            admin: admin(&args.admin),
            inbox: inbox(&args.inbox),
            log: LogPlan {
                format: args.process.log_format,
                level: args.process.log_level,
                access: args.process.access_log,
                explain: args.process.explain,
            },
            endpoints: vec![endpoint(args, event, secrets, upstream)],
            warnings,
        };
        plan.check()
    }
}

/// Where neither path is fixed.
const AIMED: &str = "neither --path nor a path in --upstream is given: a captured delivery can be aimed at every route of \
                     the app, since the path is not signed";

fn keep<T, E: std::fmt::Display>(
    place: Place,
    result: Result<T, E>,
    findings: &mut Vec<Finding>,
) -> Option<T> {
    result
        .map_err(|error| findings.push(Finding::new(place, error)))
        .ok()
}

fn server(args: &ServeArgs) -> ServerPlan {
    ServerPlan {
        listen: args.listen.clone(),
        listen_at: Place::flag("--listen"),
        workers: args.process.workers.unwrap_or_else(default_workers),
        trusted_proxies: args.process.trusted_proxy.clone(),
        limits: limits(&args.limits),
        memory_at: Place::flag("--max-memory"),
        timeouts: timeouts(&args.timeouts, &args.tls),
        health_path: args.admin.health_path.clone(),
        tls: tls(&args.tls),
        keep_refused_at: Place::flag("--keep-refused"),
        keep_refused: args
            .process
            .keep_refused
            .clone()
            .map(rejected::Settings::new),
    }
}

fn endpoint(
    args: &ServeArgs,
    event: EventPlan,
    secrets: Vec<SecretSource>,
    address: Address,
) -> EndpointPlan {
    let at = Place::flag("--secret-file");
    EndpointPlan {
        at: Place::flag("--name"),
        name: args.name.clone(),
        path: args.path.clone().unwrap_or(PathRule::All),
        host: None,
        methods: args.method.clone(),
        header: args.header_name.clone(),
        max_body: args.max_body.as_u64(),
        event,
        fresh: None,
        query: Query::default(),
        headers: HeaderChanges::default(),
        secrets: secrets.into_iter().map(|source| (at, source)).collect(),
        onward: onward(args, address),
    }
}

fn onward(args: &ServeArgs, address: Address) -> OnwardPlan {
    let destination = DestinationPlan {
        at: Place::flag("--upstream"),
        name: args.name.clone(),
        address,
        settings: settings(&args.destination),
        headers: Vec::new(),
        standard_webhooks: Vec::new(),
    };
    if args.inbox.inbox.is_none() {
        return OnwardPlan::Direct(Box::new(destination));
    }
    let queue = QueuePlan {
        destination,
        kinds: Vec::new(),
        schedule: Schedule::default(),
        concurrency: Queue::CONCURRENCY,
    };
    OnwardPlan::Durable {
        unique: None,
        queues: vec![queue],
    }
}

impl InboxPlan {
    /// The inbox at `store`, with the secrets that these files or the variables hold.
    #[must_use]
    pub fn from_flags(store: StoreAddress, files: &StoreFileArgs) -> Self {
        let secret =
            |flag, file: &Option<PathBuf>, variable| secret_given(flag, file.as_deref(), variable);
        let default = inbox::Settings::new(store);
        let ca_file = files.inbox_ca_file.clone();
        Self {
            at: Place::flag("--inbox"),
            store: default.store,
            password: secret(
                "--inbox-password-file",
                &files.inbox_password_file,
                INBOX_PASSWORD_VARIABLE,
            ),
            ca_file: ca_file.map(|path| (Place::flag("--inbox-ca-file"), path)),
            key: secret(
                "--inbox-key-file",
                &files.inbox_key_file,
                INBOX_KEY_VARIABLE,
            ),
            encryption_key: secret(
                "--inbox-encryption-key-file",
                &files.inbox_encryption_key_file,
                INBOX_ENCRYPTION_KEY_VARIABLE,
            ),
            limits: default.limits,
            retain: default.retain,
        }
    }
}

fn inbox(args: &DurableArgs) -> Option<InboxPlan> {
    let store = args.inbox.clone()?;
    Some(InboxPlan::from_flags(store, &args.files))
}

fn admin(args: &AdminArgs) -> Option<AdminPlan> {
    let at = Place::flag("--admin");
    args.admin.clone().map(|listen| AdminPlan {
        token: admin_token(args),
        hosts: args.admin_host.clone(),
        ..AdminPlan::at(at, listen)
    })
}

/// The token of the admin listener, from its file or the variable.
pub(crate) fn admin_token(args: &AdminArgs) -> Option<(Place, source::Place)> {
    let file = args.admin_token_file.as_deref();
    secret_given("--admin-token-file", file, ADMIN_TOKEN_VARIABLE)
}

/// The place of a secret, and the flag or the variable that gives it.
fn secret_given(
    flag: &'static str,
    file: Option<&Path>,
    variable: &str,
) -> Option<(Place, source::Place)> {
    let place = source::Place::given(file, variable)?;
    let at = match place {
        // The variable without `_FILE`.
        source::Place::Variable(_) => Place::Variable {
            of: flag.trim_end_matches("-file"),
        },
        _ => Place::flag(flag),
    };
    Some((at, place))
}

fn tls(args: &TlsArgs) -> Option<TlsPlan> {
    let at = Place::flag("--tls-cert");
    let (cert, key) = (args.tls_cert.clone()?, args.tls_key.clone()?);
    Some(TlsPlan { at, cert, key })
}

fn limits(args: &LimitArgs) -> Limits {
    Limits {
        connections: args.max_connections,
        memory: args.max_memory.as_u64(),
        header: usize::try_from(args.max_header.as_u64()).unwrap_or(usize::MAX),
    }
}

fn timeouts(args: &ClockArgs, tls: &TlsArgs) -> Timeouts {
    Timeouts {
        handshake: tls.handshake_timeout,
        header: args.header_timeout,
        keep_alive: args.keep_alive,
        body: args.body_timeout,
        body_rate: args.body_rate.as_u64(),
        write: args.write_timeout,
        drain_delay: args.drain_delay,
        drain_limit: args.drain_limit,
        ..Timeouts::default()
    }
}

fn event(args: &EventArgs) -> EventPlan {
    match &args.event_pointer {
        None => EventPlan::Given(args.event.unwrap_or(EventKind::Other)),
        Some(pointer) => EventPlan::Field {
            pointer: pointer.clone(),
            order: args.event_order.clone(),
            abandoned_cart: args.event_abandoned_cart.clone(),
            only: args.only.clone(),
        },
    }
}

fn settings(args: &DestinationArgs) -> Settings {
    Settings {
        trust: args.ca_file.clone().map_or(Trust::Platform, Trust::CaFile),
        host: if args.preserve_host {
            HostRule::Preserve
        } else {
            HostRule::Own
        },
        connect: args.connect_timeout,
        answer: args.answer_timeout,
        pause: args.answer_pause,
        idle: args.upstream_idle,
        age: args.upstream_max_age,
        ..Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use clap::Parser as _;

    use crate::cli::{Cli, Command};

    fn plan(more: &[&str]) -> Result<Plan, Vec<Finding>> {
        let typed = [
            "cartgate",
            "serve",
            "--listen",
            ":0",
            "--upstream",
            "http://h/x",
        ];
        let typed = typed.iter().chain(&["--secret-file", "x"]).chain(more);
        let Command::Serve(args) = Cli::parse_from(typed).command else {
            panic!("not serve")
        };
        Plan::from_flags(&args)
    }

    #[test]
    fn what_is_not_typed_is_the_same_as_what_is_not_written() {
        let plan = plan(&[]).expect("a plan");
        assert_eq!(plan.server.limits, Limits::default());
        assert_eq!(plan.server.timeouts, Timeouts::default());
        let OnwardPlan::Direct(destination) = &plan.endpoints[0].onward else {
            panic!("it is durable")
        };
        let settings = format!("{:?}", destination.settings);
        assert_eq!(settings, format!("{:?}", Settings::default()));
        assert!(plan.inbox.is_none());
        assert!(plan.warnings.is_empty());
    }

    #[test]
    fn an_inbox_makes_the_endpoint_durable() {
        let flags = ["--inbox", "sqlite:inbox.db", "--inbox-key-file", "key"];
        let plan = plan(&flags).expect("a plan");
        let shown = plan.to_string();
        assert_eq!(plan.endpoints[0].onward.queues().len(), 1);
        for line in ["store = \"sqlite:inbox.db\"", "key = { file = \"key\" }"] {
            assert!(shown.contains(line), "{shown}");
        }
        Plan::from_text(&shown).expect("the same as a file");
    }

    #[test]
    fn values_that_do_not_go_together_are_found() {
        for (flags, place) in [
            (&["--max-memory", "64KiB"][..], "--max-memory"),
            (&["--event-pointer", "event"], "--event-pointer"),
            (&["--inbox", "postgres://gate@db/inbox"], "--inbox"),
            (
                &["--inbox", "sqlite:x", "--inbox-password-file", "x"],
                "--inbox-password-file",
            ),
            (
                &[
                    "--event-pointer",
                    "/e",
                    "--event-order",
                    "o",
                    "--only",
                    "abandoned-cart",
                ],
                "--name",
            ),
        ] {
            let findings = plan(flags).expect_err(place);
            assert_eq!(findings[0].place.to_string(), place);
        }
    }
}
