//! `[[endpoint]]`: a protected path, its secrets and the rules for its deliveries.

use std::{sync::LazyLock, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::json;
use tower_cartgate::{EventKind, Policy, SecretName, Signature};

use super::{
    destination::DestinationPlan,
    event::EventPlan,
    fresh::FreshPlan,
    restrictions::{check_only_durable, check_settable},
};
use crate::{
    config::{
        document::{At, Table, Value},
        finding::{Finding, Place},
        places::Places,
        setting::{
            definition::{Group, Section, Setting},
            kinds::{
                TOKEN, header_name, host, method, name, path_rule, pointer, query, secret_name,
                signature_header, size, timeout,
            },
            list::{placed_list, some, some_placed},
            map::Map,
            scalar::{optional, scalar},
            switch::switch,
            table::{Tables, optional_table, table},
        },
        value,
    },
    delivery::{header_changes::HeaderChanges, header_filter::header_may_be_dropped},
    endpoint::{Host, PathRule, Query},
};

/// A protected path.
#[derive(Debug, Clone)]
pub struct EndpointPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// Its name in logs, metrics and headers.
    pub name: String,
    /// The paths that it serves.
    pub path: PathRule,
    /// The host that it serves; none for every host.
    pub host: Option<Host>,
    /// The names of the secrets that it accepts, the newest first, each with its place.
    pub secrets: Vec<(Place, SecretName)>,
    /// The methods that it accepts.
    pub methods: Vec<Method>,
    /// The header that carries the signature.
    pub header: HeaderName,
    /// The largest body in bytes.
    pub max_body: u64,
    /// The rule that determines the event kind.
    pub event: EventPlan,
    /// The maximum age of a delivery; none for every age.
    pub fresh: Option<FreshPlan>,
    /// The handling of a query.
    pub query: Query,
    /// Headers that every delivery carries, each with its place.
    pub add_headers: Vec<(Place, HeaderName, HeaderValue)>,
    /// Headers that no delivery carries, each with its place.
    pub drop_headers: Vec<(Place, HeaderName)>,
    /// Whether deliveries are stored before the response.
    pub durable: bool,
    /// Whether a proxy only asks for verdicts, and nothing is forwarded.
    pub verdict: bool,
    /// A JSON pointer to a value that no two events share.
    pub unique: Option<String>,
    /// The time without a verified delivery that is an alarm; none for the learned one.
    pub silence: Option<Duration>,
    /// The destinations: exactly one, at least one if durable, none if only asked for verdicts.
    pub destinations: Vec<DestinationPlan>,
    /// Destinations with mistakes.
    incomplete: Vec<DestinationPlan>,
}

/// A value of `add_headers` as `check --show` shows it: it may be a token.
const NOT_SHOWN: &str = "(not shown)";

static GROUPS: LazyLock<Vec<Group<EndpointPlan>>> = LazyLock::new(|| {
    vec![
        Group::new("Endpoint", route()),
        Group::new("Endpoint", requests()),
        Group::new("Endpoint", deliveries()),
        Group::new("", destinations()),
    ]
});

fn route() -> [Setting<EndpointPlan>; 4] {
    [
        Setting::new(
            "name",
            "Name of the endpoint in logs, metrics and headers",
            scalar(name(), |endpoint: &mut EndpointPlan| &mut endpoint.name),
        )
        .required("the name of the endpoint in logs, metrics and headers")
        .flag("--name")
        .example("\"orders\""),
        Setting::new(
            "path",
            "Path to serve, compared byte for byte; /* serves every path",
            scalar(path_rule(), |endpoint: &mut EndpointPlan| {
                &mut endpoint.path
            }),
        )
        .required("such as \"/webhooks/orders\", or \"/*\" for every path")
        .details("Nothing is decoded. The more exact path and host win.")
        .flag("--path")
        .example("\"/webhooks/orders\""),
        Setting::new(
            "host",
            "Host to serve",
            optional(host(), |endpoint: &mut EndpointPlan| &mut endpoint.host),
        )
        .default("every host")
        .example("\"shop.example\""),
        Setting::new(
            "secrets",
            "Names of the accepted secrets, the newest first",
            some_placed(
                secret_name(),
                "expected at least one secret",
                |endpoint: &mut EndpointPlan| &mut endpoint.secrets,
            ),
        )
        .required("the names of its secrets, the newest first, such as [\"current\", \"previous\"]")
        .details("Metrics and the log show when an older one still matches.")
        .example("[\"current\", \"previous\"]"),
    ]
}

fn requests() -> [Setting<EndpointPlan>; 3] {
    [
        Setting::new(
            "methods",
            "Accepted methods",
            some(
                method(),
                "expected at least one",
                |endpoint: &mut EndpointPlan| &mut endpoint.methods,
            ),
        )
        .flag("--method"),
        Setting::new(
            "header",
            "Header that carries the signature; other services use the same scheme under another name \
             (x-shopify-hmac-sha256)",
            scalar(signature_header(), |endpoint: &mut EndpointPlan| {
                &mut endpoint.header
            }),
        )
        .flag("--header-name"),
        Setting::new(
            "max_body",
            "Largest body",
            scalar(size(), |endpoint: &mut EndpointPlan| &mut endpoint.max_body),
        )
        .flag("--max-body"),
    ]
}

fn deliveries() -> [Setting<EndpointPlan>; 9] {
    [
        Setting::new(
            "event",
            "Rule that determines the event kind: { kind = \"order\" } by the unsigned path, or a signed field",
            table(|endpoint: &mut EndpointPlan| &mut endpoint.event),
        )
        .default("{ kind = \"other\" }")
        .example(
            "{ pointer = \"/event\", order = [\"order.processed\"], abandoned-cart = [\"cart.abandoned\"], only = [\"order\"] }",
        ),
        Setting::new(
            "fresh",
            "Maximum age of a delivery by its own signed time; older ones get 422",
            optional_table(|endpoint: &mut EndpointPlan| &mut endpoint.fresh),
        )
        .details(
            "A captured delivery can then be replayed only for this time. Deliveries without such a time get 422 as well.",
        )
        .example("{ pointer = \"/sent_at\", within = \"1h\", skew = \"1m\" }"),
        Setting::new(
            "query",
            "Handling of the unsigned query: pass it on, drop it, or refuse the request (400)",
            scalar(query(), |endpoint: &mut EndpointPlan| &mut endpoint.query),
        ),
        Setting::new(
            "add_headers",
            "Headers that every delivery carries, in place of the sender's",
            Map {
                names: TOKEN,
                schema: || json!({ "type": "string" }),
                read: read_added,
                show: |endpoint: &EndpointPlan| {
                    let names = endpoint.add_headers.iter();
                    let shown = names.map(|(_, name, _)| (name.to_string(), NOT_SHOWN.into()));
                    shown.collect()
                },
            },
        )
        .example("{ x-shop = \"one\" }"),
        Setting::new(
            "drop_headers",
            "Headers that no delivery carries",
            placed_list(header_name(), |endpoint: &mut EndpointPlan| {
                &mut endpoint.drop_headers
            }),
        )
        .example("[\"user-agent\"]"),
        Setting::new(
            "durable",
            "Store each delivery in the inbox before the response, and deliver it until each destination has accepted it",
            switch(|endpoint: &mut EndpointPlan| &mut endpoint.durable),
        )
        .details("A direct endpoint passes a delivery to its one destination and returns the response of the app.")
        .example("true"),
        Setting::new(
            "verdict",
            "Respond with the verdict alone, for a proxy that asks and forwards the delivery itself",
            switch(|endpoint: &mut EndpointPlan| &mut endpoint.verdict),
        )
        .details(
            "A genuine delivery gets 200 with the X-Cartgate-* headers. Such an endpoint has no destination.",
        )
        .flag("--verdict")
        .example("true"),
        Setting::new(
            "unique",
            "JSON pointer to a value that no two events share; a second event with it is dropped (durable)",
            optional(pointer(), |endpoint: &mut EndpointPlan| &mut endpoint.unique),
        )
        .details(
            "It is dropped for each destination that has accepted the first event, or still will. Placeholders, and values \
             that come with different bodies, are not compared; `cartgate status` shows them. Copies are marked in any case \
             (X-Cartgate-Copy).",
        )
        .example("\"/order/id\""),
        Setting::new(
            "silence",
            "Time without a verified delivery that is a problem, for `cartgate status` and alarms",
            optional(timeout(), |endpoint: &mut EndpointPlan| {
                &mut endpoint.silence
            }),
        )
        .default("learned from the deliveries of the last weeks")
        .example("\"1d\""),
    ]
}

fn destinations() -> [Setting<EndpointPlan>; 1] {
    [Setting::new(
        "destination",
        "Apps that get verified deliveries: exactly one, any number for a durable endpoint, none with `verdict`",
        Tables {
            header: "[[endpoint.destination]]",
            not_empty: "expected at least one destination",
            at: |endpoint: &mut EndpointPlan| &mut endpoint.destinations,
            incomplete: |endpoint: &mut EndpointPlan| &mut endpoint.incomplete,
            needs_all: true,
        },
    )]
}

/// Reads one entry of `add_headers`.
fn read_added(
    endpoint: &mut EndpointPlan,
    headers: &Table<'_, '_>,
    name: &At<String>,
    value: Value<'_, '_>,
) -> Option<()> {
    let parsed = value::header_name(&name.value);
    let parsed = parsed.map_err(|error| headers.add(Finding::new(name.place, error)));
    let value = value.text(|text| {
        let value = HeaderValue::from_str(text);
        value.map_err(|_| "this value holds a character that a header cannot carry")
    });
    let (parsed, value) = (parsed.ok()?, value?.value);
    endpoint.add_headers.push((name.place, parsed, value));
    Some(())
}

impl EndpointPlan {
    /// Its destinations with a queue; none if it is direct.
    pub fn queues(&self) -> impl Iterator<Item = &DestinationPlan> {
        self.destinations.iter().filter(|_| self.durable)
    }

    /// Returns what it changes in the headers of deliveries.
    #[must_use]
    pub fn header_changes(&self) -> HeaderChanges {
        let mut add = HeaderMap::new();
        for (_, name, value) in &self.add_headers {
            // Two spellings of one name are one header.
            add.insert(name.clone(), value.clone());
        }
        HeaderChanges {
            add,
            drop: self
                .drop_headers
                .iter()
                .map(|(_, name)| name.clone())
                .collect(),
        }
    }

    /// Whether it passes deliveries on without storing them. A value that cannot be used leaves
    /// this open.
    fn is_direct(&self) -> bool {
        !self.durable && !self.at.failed("durable")
    }

    /// Whether it needs the inbox, as far as can be told.
    pub(crate) fn needs_inbox(&self) -> bool {
        !self.is_direct()
    }

    /// Gives each destination without a name that of the endpoint, and reports settings that do not
    /// go with the endpoint.
    fn finish_destinations(&mut self, findings: &mut Vec<Finding>) {
        let only_durable = ["events", "retry", "concurrency"];
        let is_direct = self.is_direct();
        for app in self.destinations.iter_mut().chain(&mut self.incomplete) {
            app.durable = self.durable;
            if app.at.written("name").is_none() {
                app.name.clone_from(&self.name);
            }
            for (at, name, _) in &app.headers {
                check_settable(*at, name, &self.header, findings);
            }
            if is_direct {
                check_only_durable(&app.at, &only_durable, findings);
            }
        }
        if is_direct && self.destinations.len() + self.incomplete.len() > 1 {
            let message = "an endpoint has exactly one destination, unless it is `durable`";
            findings.push(Finding::new(self.at.table(), message));
        }
    }

    fn check_headers(&self, findings: &mut Vec<Finding>) {
        for (at, name, _) in &self.add_headers {
            check_settable(*at, name, &self.header, findings);
        }
        for (at, name) in &self.drop_headers {
            if !header_may_be_dropped(name, &self.header) {
                let message =
                    "this header cannot be dropped: it is promised to the app, or never reaches it";
                findings.push(Finding::new(*at, message));
            }
        }
    }
}

impl Section for EndpointPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            event: EventPlan::given(at.clone(), EventKind::Other),
            at,
            name: String::new(),
            path: PathRule::All,
            host: None,
            secrets: Vec::new(),
            methods: vec![Method::POST, Method::PUT],
            header: Signature::HEADER,
            max_body: Policy::DEFAULT_MAX_BODY,
            fresh: None,
            query: Query::default(),
            add_headers: Vec::new(),
            drop_headers: Vec::new(),
            durable: false,
            verdict: false,
            unique: None,
            silence: None,
            destinations: Vec::new(),
            incomplete: Vec::new(),
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }

    fn finish(&mut self, findings: &mut Vec<Finding>) {
        self.finish_destinations(findings);
        self.check_headers(findings);
        if self.is_direct() {
            check_only_durable(&self.at, &["unique"], findings);
        }
    }
}
