//! `[server]`: the public addresses, the process, the limits and the timeouts.

use std::sync::LazyLock;

use super::tls::TlsPlan;
use crate::{
    config::{
        places::Places,
        setting::{
            definition::{Group, Section, Setting},
            kinds::{count, duration, header_size, health_path, hop, listen, size, timeout},
            list::{list, some},
            scalar::{optional, scalar},
            switch::{switch, switch_off},
            table::optional_table,
        },
    },
    net::{listener::ListenAddress, trusted_hops::Hop},
    proxy::config::{default_workers, limits::Limits, timeouts::Timeouts},
};

/// The public addresses, the process, the limits and the timeouts.
#[derive(Debug, Clone)]
pub struct ServerPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The public addresses.
    pub listen: Vec<ListenAddress>,
    /// The certificate of the TCP addresses; none for plain HTTP.
    pub tls: Option<TlsPlan>,
    /// Proxies whose forwarding headers are trusted.
    pub trusted_proxies: Vec<Hop>,
    /// The path of health checks.
    pub health_path: Option<String>,
    /// Whether a change of a file causes a reload.
    pub watch: bool,
    /// Whether the gate enters its sandbox.
    pub sandbox: bool,
    /// The number of threads that serve requests.
    pub workers: usize,
    /// The limits over all clients.
    pub limits: Limits,
    /// The time limits of each step.
    pub timeouts: Timeouts,
}

static GROUPS: LazyLock<Vec<Group<ServerPlan>>> = LazyLock::new(|| {
    vec![
        Group::new("", addresses()),
        Group::new("TLS", tls()),
        Group::new("Proxies and health checks", surroundings()),
        Group::new("Process", process()),
        Group::new("Limits", limits()),
        Group::new("Timeouts", timeouts()),
    ]
});

fn addresses() -> [Setting<ServerPlan>; 1] {
    [Setting::new(
        "listen",
        "Address to listen on: ADDRESS:PORT, :PORT (every address), localhost:PORT, unix:/path, or systemd:NAME (an \
         inherited socket)",
        some(
            listen(),
            "expected at least one address to listen on",
            |server: &mut ServerPlan| &mut server.listen,
        ),
    )
    .required("an address such as \"127.0.0.1:8080\", or a list of them")
    .details("One address or several.")
    .flag("--listen")
    .example("\":8443\"")
    .restart()]
}

fn tls() -> [Setting<ServerPlan>; 2] {
    [
        Setting::new(
            "tls",
            "Certificate of the TCP addresses (TLS 1.2 and 1.3)",
            optional_table(|server: &mut ServerPlan| &mut server.tls),
        )
        .details("Without it, they speak plain HTTP. A reload reads the files again.")
        .example("{ cert = \"/etc/cartgate/cert.pem\", key = \"/etc/cartgate/key.pem\" }"),
        Setting::new(
            "handshake_timeout",
            "Time for a TLS handshake",
            scalar(timeout(), |server: &mut ServerPlan| {
                &mut server.timeouts.handshake
            }),
        )
        .flag("--handshake-timeout"),
    ]
}

fn surroundings() -> [Setting<ServerPlan>; 2] {
    [
        Setting::new(
            "trusted_proxies",
            "Proxy whose forwarding headers are trusted: an address, a network or `unix`",
            list(hop(), |server: &mut ServerPlan| &mut server.trusted_proxies),
        )
        .details("The forwarding headers of every other client are dropped.")
        .flag("--trusted-proxy"),
        Setting::new(
            "health_path",
            "Path of the public port for health checks (GET, HEAD, OPTIONS): 200, or 503 while the gate drains",
            optional(health_path(), |server: &mut ServerPlan| {
                &mut server.health_path
            }),
        )
        .details("For load balancers, also those that send no Host, and for platforms with one port.")
        .flag("--health-path")
        .example("\"/healthz\""),
    ]
}

fn process() -> [Setting<ServerPlan>; 3] {
    [
        Setting::new(
            "watch",
            "Watch the configuration file and the files that it names, and reload when one has changed",
            switch(|server: &mut ServerPlan| &mut server.watch),
        )
        .details("A change is in force about two seconds later, without a signal.")
        .flag("--watch"),
        Setting::new(
            "sandbox",
            "Sandbox of the running gate (Linux): only the files and ports of its configuration, no programs; the flag turns \
             it off",
            switch_off(|server: &mut ServerPlan| &mut server.sandbox),
        )
        .flag("--no-sandbox")
        .restart(),
        Setting::new(
            "workers",
            "Threads that serve requests",
            scalar(count(), |server: &mut ServerPlan| &mut server.workers),
        )
        .flag("--workers")
        .default("one per core, within the CPU quota")
        .example("2")
        .restart(),
    ]
}

fn limits() -> [Setting<ServerPlan>; 3] {
    [
        Setting::new(
            "max_connections",
            "Connections open at a time",
            scalar(count(), |server: &mut ServerPlan| {
                &mut server.limits.connections
            }),
        )
        .flag("--max-connections")
        .restart(),
        Setting::new(
            "max_memory",
            "Memory for large request bodies together; small bodies have a share of their own",
            scalar(size(), |server: &mut ServerPlan| &mut server.limits.memory),
        )
        .flag("--max-memory")
        .restart(),
        Setting::new(
            "max_header",
            "Size of a request head, including the request line",
            scalar(header_size(), |server: &mut ServerPlan| {
                &mut server.limits.header
            }),
        )
        .flag("--max-header"),
    ]
}

fn timeouts() -> [Setting<ServerPlan>; 7] {
    [
        Setting::new(
            "header_timeout",
            "Time for a request head, from its first byte",
            scalar(timeout(), |server: &mut ServerPlan| {
                &mut server.timeouts.header
            }),
        )
        .flag("--header-timeout"),
        Setting::new(
            "keep_alive",
            "Idle time of a connection between requests; above the 60 s of nginx and cloud load balancers",
            scalar(timeout(), |server: &mut ServerPlan| {
                &mut server.timeouts.keep_alive
            }),
        )
        .flag("--keep-alive"),
        Setting::new(
            "body_timeout",
            "Time for a request body, from the request head to its last byte",
            scalar(timeout(), |server: &mut ServerPlan| {
                &mut server.timeouts.body
            }),
        )
        .flag("--body-timeout"),
        Setting::new(
            "body_rate",
            "Minimum rate of a request body in bytes per second, after its first 5 s",
            scalar(size(), |server: &mut ServerPlan| {
                &mut server.timeouts.body_rate
            }),
        )
        .flag("--body-rate"),
        Setting::new(
            "write_timeout",
            "Time in which a client must take at least one byte of a response",
            scalar(timeout(), |server: &mut ServerPlan| {
                &mut server.timeouts.write
            }),
        )
        .flag("--write-timeout"),
        Setting::new(
            "drain_delay",
            "Time after SIGTERM in which requests are still accepted, each as the last of its connection",
            scalar(duration(), |server: &mut ServerPlan| {
                &mut server.timeouts.drain_delay
            }),
        )
        .flag("--drain-delay"),
        Setting::new(
            "drain_limit",
            "Time after the drain delay for requests in progress to finish",
            scalar(duration(), |server: &mut ServerPlan| {
                &mut server.timeouts.drain_limit
            }),
        )
        .flag("--drain-limit"),
    ]
}

impl Section for ServerPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            listen: Vec::new(),
            tls: None,
            trusted_proxies: Vec::new(),
            health_path: None,
            watch: false,
            sandbox: true,
            workers: default_workers(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }

    fn renamed() -> &'static [(&'static str, &'static str)] {
        &[("keep_refused", "`dir` of the table [rejected]")]
    }
}
