//! `[[endpoint.destination]]`: an app that gets verified deliveries, and its queue if the endpoint
//! is durable.

use std::{path::PathBuf, sync::LazyLock, time::Duration};

use http::HeaderName;
use tower_cartgate::EventKind;

use crate::{
    config::{
        document::{At, Table, Value},
        finding::{Finding, Place},
        places::Places,
        setting::{
            access::PlacedSource,
            definition::{Group, Section, Setting},
            kinds::{
                TOKEN, concurrency, duration, event_kind, host_header, name, path, timeout, url,
            },
            list::{list, some},
            map::Map,
            scalar::{optional, scalar},
            secret::{read_source, secrets, show_source, source_schema},
            shown_if::shown_if,
            switch::switch,
        },
        value,
    },
    destination::{HostRule, Settings},
    inbox::{Queue, Schedule},
    net::destination_address::Address,
    secret::source,
};

/// The most secrets that sign one delivery. More would only cost a hash of each body.
const MOST_SIGNATURES: usize = 4;

/// An app that gets verified deliveries.
#[derive(Debug, Clone)]
pub struct DestinationPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// Its name in logs and metrics, and of its queue; the endpoint's if it has none of its own.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// The authorities that may sign its certificate.
    pub ca_file: Option<PathBuf>,
    /// A fixed `Host`.
    pub host: Option<HostRule>,
    /// Whether it gets the `Host` of the request.
    pub preserve_host: bool,
    /// Headers whose values are secrets, each with the place where it was written.
    pub headers: Vec<(Place, HeaderName, source::SecretPlace)>,
    /// The secrets that sign attempts as Standard Webhooks.
    pub standard_webhooks: Vec<PlacedSource>,
    /// The timeouts of an attempt.
    pub settings: Settings,
    /// Whether its endpoint is durable, so that it has a queue.
    pub durable: bool,
    /// The kinds of events in the queue; all if it is empty.
    pub kinds: Vec<EventKind>,
    /// The waits between attempts.
    pub waits: Vec<Duration>,
    /// Attempts at a time.
    pub concurrency: usize,
}

static GROUPS: LazyLock<Vec<Group<DestinationPlan>>> = LazyLock::new(|| {
    vec![
        Group::new("", address()),
        Group::new("Destination", requests()),
        Group::new("Destination", timeouts()),
        Group::new("Queue", queue()),
    ]
});

fn address() -> [Setting<DestinationPlan>; 2] {
    [
        Setting::new(
            "name",
            "Name in logs and metrics, and of the queue of a durable endpoint",
            scalar(name(), |app: &mut DestinationPlan| &mut app.name),
        )
        .default("the name of the endpoint")
        .example("\"fulfilment\""),
        Setting::new(
            "url",
            "App to protect: http://…, https://… or unix:/socket[:/path]. With a path, every delivery goes to exactly that \
             path",
            scalar(url(), |app: &mut DestinationPlan| &mut app.address),
        )
        .required("such as \"http://127.0.0.1:3000/hooks\"")
        .flag("--upstream")
        .example("\"https://app.internal:8443/hooks\""),
    ]
}

fn requests() -> [Setting<DestinationPlan>; 5] {
    [
        Setting::new(
            "ca_file",
            "PEM file with the authorities that may sign the app's certificate (https)",
            optional(path(), |app: &mut DestinationPlan| &mut app.ca_file),
        )
        .default("the authorities that this machine trusts")
        .flag("--ca-file")
        .example("\"/etc/cartgate/internal-ca.pem\""),
        Setting::new(
            "host",
            "Fixed Host header for the app",
            optional(host_header(), |app: &mut DestinationPlan| &mut app.host),
        )
        .default("the host of `url`")
        .example("\"shop.example\""),
        Setting::new(
            "preserve_host",
            "Pass on the Host header of the request instead of the app's own",
            shown_if(
                |app: &DestinationPlan| app.host.is_none(),
                switch(|app: &mut DestinationPlan| &mut app.preserve_host),
            ),
        )
        .flag("--preserve-host"),
        Setting::new(
            "headers",
            "Headers whose values are secrets; they prove to the app that the gate sent the request",
            Map {
                names: TOKEN,
                schema: source_schema,
                read: read_header,
                show: |app: &DestinationPlan| {
                    let headers = app.headers.iter();
                    let shown = headers.map(|(_, name, place)| (name.to_string(), show_source(place)));
                    shown.collect()
                },
            },
        )
        .example("{ authorization = { file = \"/etc/cartgate/app.authorization\" } }"),
        Setting::new(
            "standard_webhooks",
            "Secret (whsec_…) that signs each attempt as Standard Webhooks do; a list signs with several",
            secrets(MOST_SIGNATURES, |app: &mut DestinationPlan| {
                &mut app.standard_webhooks
            }),
        )
        .details("The app gets webhook-id, webhook-timestamp and webhook-signature.")
        .example("{ file = \"/etc/cartgate/app.whsec\" }"),
    ]
}

fn timeouts() -> [Setting<DestinationPlan>; 5] {
    [
        Setting::new(
            "connect_timeout",
            "Time to open a connection to the app",
            scalar(timeout(), |app: &mut DestinationPlan| {
                &mut app.settings.connect_timeout
            }),
        )
        .flag("--connect-timeout"),
        Setting::new(
            "timeout",
            "Time for the app's response to begin; for a durable endpoint, time of a whole attempt",
            scalar(timeout(), |app: &mut DestinationPlan| {
                &mut app.settings.response_timeout
            }),
        )
        .flag("--answer-timeout"),
        Setting::new(
            "pause",
            "Longest pause within the app's response, and time for an app that has responded to read the rest of the request",
            scalar(timeout(), |app: &mut DestinationPlan| {
                &mut app.settings.pause_timeout
            }),
        )
        .flag("--answer-pause"),
        Setting::new(
            "idle",
            "Idle time of a connection to the app, below the app's own limit (Node: 5 s); 0s opens a new one each time",
            scalar(duration(), |app: &mut DestinationPlan| {
                &mut app.settings.idle_timeout
            }),
        )
        .flag("--upstream-idle"),
        Setting::new(
            "max_age",
            "Lifetime of a connection to the app, after which the next one resolves the host name again",
            scalar(timeout(), |app: &mut DestinationPlan| {
                &mut app.settings.max_age
            }),
        )
        .flag("--upstream-max-age"),
    ]
}

fn queue() -> [Setting<DestinationPlan>; 3] {
    let has_queue = |app: &DestinationPlan| app.durable;
    [
        Setting::new(
            "events",
            "Kinds of events for this destination (durable)",
            shown_if(
                has_queue,
                some(
                    event_kind(),
                    "expected at least one",
                    |app: &mut DestinationPlan| &mut app.kinds,
                ),
            ),
        )
        .default("all kinds")
        .example("[\"order\"]"),
        Setting::new(
            "retry",
            "Waits between attempts, each up to a fifth longer at random (durable)",
            shown_if(
                has_queue,
                list(timeout(), |app: &mut DestinationPlan| &mut app.waits),
            ),
        )
        .details(
            "An event whose last attempt is rejected becomes a dead letter. Attempts do not count while the destination is \
             down.",
        ),
        Setting::new(
            "concurrency",
            "Attempts at a time (durable)",
            shown_if(
                has_queue,
                scalar(concurrency(), |app: &mut DestinationPlan| {
                    &mut app.concurrency
                }),
            ),
        ),
    ]
}

/// Reads one entry of `headers`.
fn read_header(
    app: &mut DestinationPlan,
    headers: &Table<'_, '_>,
    name: &At<String>,
    value: Value<'_, '_>,
) -> Option<()> {
    let source = value.table().and_then(read_source);
    let parsed = value::header_name(&name.value);
    let parsed = parsed.map_err(|error| headers.add(Finding::new(name.place, error)));
    app.headers.push((name.place, parsed.ok()?, source?));
    Some(())
}

impl DestinationPlan {
    /// The places of all its secrets.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &source::SecretPlace> {
        let headers = self.headers.iter().map(|(.., place)| place);
        headers.chain(self.standard_webhooks.iter().map(|(_, place)| place))
    }

    /// Returns the rule for the `Host` of requests to the app.
    #[must_use]
    pub fn host_rule(&self) -> HostRule {
        match &self.host {
            Some(fixed) => fixed.clone(),
            None if self.preserve_host => HostRule::Preserve,
            None => HostRule::Own,
        }
    }
}

impl Section for DestinationPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            name: String::new(),
            address: "unix:/".parse().expect("a socket is an address"),
            ca_file: None,
            host: None,
            preserve_host: false,
            headers: Vec::new(),
            standard_webhooks: Vec::new(),
            settings: Settings::default(),
            durable: false,
            kinds: Vec::new(),
            waits: Schedule::default().waits().to_vec(),
            concurrency: Queue::CONCURRENCY,
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }

    fn finish(&mut self, findings: &mut Vec<Finding>) {
        if self.host.is_some() && self.preserve_host {
            let message = "`host` and `preserve_host` exclude each other";
            findings.push(Finding::new(self.at.table(), message));
        }
    }
}
