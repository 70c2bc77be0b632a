//! `[admin]`: the listener for operators and their tools.

use std::sync::LazyLock;

use crate::{
    config::{
        places::Places,
        setting::{
            access::PlacedSource,
            definition::{Group, Section, Setting},
            kinds::{host, listen, word},
            list::list,
            scalar::scalar,
            secret::secret_or_variable,
        },
    },
    endpoint::Host,
    net::listener::ListenAddress,
    proxy::config::admin::ConsoleMode,
    secret::source::ADMIN_TOKEN_VARIABLE,
};

/// The listener for operators and their tools.
#[derive(Debug, Clone)]
pub struct AdminPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The address.
    pub listen: ListenAddress,
    /// The bearer token that requests must carry.
    pub token: Option<PlacedSource>,
    /// Host names that requests may use, besides addresses and `localhost`.
    pub hosts: Vec<Host>,
    /// The rights of browsers.
    pub console: ConsoleMode,
}

static GROUPS: LazyLock<Vec<Group<AdminPlan>>> = LazyLock::new(|| {
    let settings = [
        Setting::new(
            "listen",
            "Address for the web console, the API, `cartgate status`, `cartgate reload`, /metrics and probes (127.0.0.1:9180, unix:/path)",
            scalar(listen(), |admin: &mut AdminPlan| &mut admin.listen),
        )
        .required("an address such as \"127.0.0.1:9180\", or \"unix:/path\"")
        .details("The public port serves none of these.")
        .flag("--admin")
        .example("\"127.0.0.1:9180\"")
        .restart(),
        Setting::new(
            "token",
            "Bearer token of the admin listener; required beyond loopback. Without it, the gate makes one at each start",
            secret_or_variable(ADMIN_TOKEN_VARIABLE, |admin: &mut AdminPlan| {
                &mut admin.token
            }),
        )
        .flag("--admin-token-file")
        .example("{ file = \"/etc/cartgate/admin.token\" }"),
        Setting::new(
            "hosts",
            "Host name for requests to the admin listener, besides addresses and `localhost`",
            list(host(), |admin: &mut AdminPlan| &mut admin.hosts),
        )
        .details("A web page could otherwise direct a browser to the listener.")
        .flag("--admin-host")
        .example("[\"gate.internal\"]"),
        Setting::new(
            "console",
            "Rights of browsers in the web console: none at all (off), look, or act",
            scalar(word("RIGHTS"), |admin: &mut AdminPlan| &mut admin.console),
        )
        .details("Programs with the token may always act. A link from the log or from `cartgate console` opens the console.")
        .flag("--admin-console"),
    ];
    vec![Group::new("Admin listener", settings)]
});

impl AdminPlan {
    /// Returns a listener without token and host names.
    #[must_use]
    pub fn at(at: Places, listen: ListenAddress) -> Self {
        Self {
            at,
            listen,
            token: None,
            hosts: Vec::new(),
            console: ConsoleMode::default(),
        }
    }
}

impl Section for AdminPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self::at(at, ListenAddress::Tcp(String::new()))
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }
}
