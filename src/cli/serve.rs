//! `cartgate serve`: what can be typed. What it means is resolved in `config`.

use std::{path::PathBuf, time::Duration};

use bytesize::ByteSize;
use clap::Args;
use http::{HeaderName, Method};
use tower_cartgate::EventKind;

use super::{AdminArgs, DurableArgs, Given};
use crate::{
    config::value,
    endpoint::PathRule,
    net::{address::Address, listener::ListenAddress, trusted_hops::Hop},
    proxy::config::AccessLog,
    secret::source::SecretSource,
    telemetry::log::{Format, Level},
};

/// The arguments of `cartgate serve`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cartgate serve --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3000/webhooks/orders \\
      --secret-file /run/secrets/cartfunnel
      Every verified delivery goes to exactly that path of the app on port 3000.

  cartgate serve --listen unix:/run/cartgate.sock --upstream unix:/run/app.sock \\
      --path /webhooks/orders --secret-file new=/run/secrets/new --secret-file old=/run/secrets/old
      Unix sockets on both sides, one path, and two secrets while Cartfunnel moves to a new one.

  cartgate serve --listen :8080 --upstream http://127.0.0.1:3000/hooks --secret-file secret.txt \\
      --explain
      Finds out why every delivery gets 401.

  cartgate serve --listen :8080 --upstream http://127.0.0.1:3000/hooks --secret-file secret.txt \\
      --inbox sqlite:/var/lib/cartgate/inbox.db
      Answers 200 once a delivery is safely stored, and delivers it until the app has taken it.

  cartgate serve --config /etc/cartgate/cartgate.toml
      Several endpoints, and everything else, from a file.

  cartgate reload   reads the file, and all that it names, again without losing a request (as SIGHUP does)
  kill -TERM PID    drains and ends; a second one ends at once")]
pub struct ServeArgs {
    /// Configuration file; beside it, only the flags of addresses, admin listener, workers and log override its settings
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where to listen: ADDRESS:PORT, :PORT for every address, localhost:PORT for both loopback addresses, unix:/path, or systemd:NAME for a socket that systemd hands over. May be given several times
    #[arg(
        long,
        value_name = "ADDR",
        required_unless_present = "config",
        value_delimiter = ','
    )]
    pub listen: Vec<ListenAddress>,

    /// The app to protect: http://…, https://… or unix:/socket[:/path]. With a path, every delivery goes to exactly that
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    pub upstream: Option<Address>,

    /// The file that holds the secret; one newline at its end is ignored. Several: each with a NAME of its own. Without it: the variable CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE", value_delimiter = ',')]
    pub secret_file: Vec<SecretSource>,

    /// The one path that is served, byte for byte; /* for every path
    #[arg(long, value_name = "PATH")]
    pub path: Option<PathRule>,

    /// What logs and the app call this endpoint
    #[arg(
        long,
        default_value = "default",
        value_parser = value::name,
    )]
    pub name: String,

    /// Methods that are let in
    #[arg(
        long,
        value_name = "METHOD",
        value_parser = value::method,
        value_delimiter = ',',
        default_value = "POST,PUT",
    )]
    pub method: Vec<Method>,

    /// The header that carries the signature, for services with the same scheme under another name (x-shopify-hmac-sha256)
    #[arg(
        long,
        visible_alias = "header",
        value_name = "NAME",
        value_parser = value::signature_header,
        default_value = "x-cartfunnel-hmac-sha256"
    )]
    pub header_name: HeaderName,

    /// The largest body
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = value::size)]
    pub max_body: ByteSize,

    /// What the app is told of
    #[command(flatten)]
    pub event: EventArgs,

    /// How the app is reached
    #[command(flatten)]
    pub destination: DestinationArgs,

    /// Whether deliveries are stored first
    #[command(flatten)]
    pub inbox: DurableArgs,

    /// What it shows to clients that speak TLS
    #[command(flatten)]
    pub tls: TlsArgs,

    /// What clients may take
    #[command(flatten)]
    pub limits: LimitArgs,

    /// How long things may last
    #[command(flatten)]
    pub timeouts: ClockArgs,

    /// Who may ask how it is
    #[command(flatten)]
    pub admin: AdminArgs,

    /// How it runs and what it says
    #[command(flatten)]
    pub process: ProcessArgs,

    /// Which of these were given, and how
    #[arg(skip)]
    pub given: Given,
}

/// The event rule.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Event kind")]
pub struct EventArgs {
    /// Every delivery to this endpoint is of this kind (by its path, which is not signed)
    #[arg(long, value_name = "KIND", conflicts_with = "event_pointer")]
    pub event: Option<EventKind>,

    /// The JSON pointer of the signed field that tells the kind (/event)
    #[arg(long, value_name = "POINTER")]
    pub event_pointer: Option<String>,

    /// Texts in that field which mean an order
    #[arg(
        long,
        value_name = "TEXT",
        requires = "event_pointer",
        conflicts_with = "event",
        value_delimiter = ','
    )]
    pub event_order: Vec<String>,

    /// Texts in that field which mean an abandoned cart
    #[arg(
        long,
        value_name = "TEXT",
        requires = "event_pointer",
        conflicts_with = "event",
        value_delimiter = ','
    )]
    pub event_abandoned_cart: Vec<String>,

    /// The only kinds that are let through; any other genuine delivery gets 422
    #[arg(
        long,
        value_name = "KIND",
        requires = "event_pointer",
        conflicts_with = "event",
        value_delimiter = ','
    )]
    pub only: Vec<EventKind>,
}

/// How the app is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The app")]
pub struct DestinationArgs {
    /// Believe only certificates that the authorities in this PEM file signed (https)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Pass on the Host that the client named, instead of the app's own
    #[arg(long)]
    pub preserve_host: bool,

    /// How long a connection to the app may take to open
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        value_parser = value::clock,
    )]
    pub connect_timeout: Duration,

    /// How long the app's answer may take to begin
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = value::clock,
    )]
    pub answer_timeout: Duration,

    /// How long the app's answer may pause, and an app that has answered may take to read the rest
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = value::clock,
    )]
    pub answer_pause: Duration,

    /// How long an unused connection to the app is kept; below the app's own limit (Node: 5 s). 0s: a new one each time
    #[arg(
        long,
        value_name = "TIME",
        default_value = "3s",
        value_parser = value::pause,
    )]
    pub upstream_idle: Duration,

    /// How long a connection to the app is used in all, so that deliveries follow a name that moves
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1m",
        value_parser = value::clock,
    )]
    pub upstream_max_age: Duration,
}

/// The gate's own certificate.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Speak TLS on the TCP addresses and show this certificate: a PEM chain, the gate's own first. Read again at SIGHUP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The key that belongs to it, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// How long a TLS handshake may take
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        value_parser = value::clock,
    )]
    pub handshake_timeout: Duration,
}

/// What clients may take.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Connections open at once
    #[arg(
        long,
        value_name = "N",
        default_value = "10000",
        value_parser = value::count,
    )]
    pub max_connections: usize,

    /// Memory that large bodies hold together
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = value::size)]
    pub max_memory: ByteSize,

    /// The largest head of a request, its first line included
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = value::header_size)]
    pub max_header: ByteSize,
}

/// How long things may last.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Clocks")]
pub struct ClockArgs {
    /// A request's head, from its first byte
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        value_parser = value::clock,
    )]
    pub header_timeout: Duration,

    /// A connection between requests; above the 60 s of nginx and cloud load balancers
    #[arg(
        long,
        value_name = "TIME",
        default_value = "75s",
        value_parser = value::clock,
    )]
    pub keep_alive: Duration,

    /// A body, from its head to its last byte
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = value::clock,
    )]
    pub body_timeout: Duration,

    /// The least that a body must bring in a second, after its first 5 s
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = value::size)]
    pub body_rate: ByteSize,

    /// An answer of which the client takes not one byte
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = value::clock,
    )]
    pub write_timeout: Duration,

    /// After SIGTERM: how long requests are still taken, each as the last of its connection
    #[arg(
        long,
        value_name = "TIME",
        default_value = "0s",
        value_parser = value::pause,
    )]
    pub drain_delay: Duration,

    /// After that: how long requests under way may take to end
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = value::pause,
    )]
    pub drain_limit: Duration,
}

/// How the gate runs and what it says.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Process")]
pub struct ProcessArgs {
    /// Threads that serve requests [default: one a core]
    #[arg(
        long,
        value_name = "N",
        value_parser = value::count,
    )]
    pub workers: Option<usize>,

    /// A proxy before the gate whose word about the client is passed on: an address, a network or `unix`. May be given several times
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub trusted_proxy: Vec<Hop>,

    /// Which requests get a line in the log
    #[arg(long, value_enum, default_value_t)]
    pub access_log: AccessLog,

    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    pub log_format: Format,

    /// Which log lines are written
    #[arg(long, value_enum, default_value_t)]
    pub log_level: Level,

    /// Keep deliveries whose signature does not match in this folder, for the time between Cartfunnel's new secret and the gate's
    #[arg(long, value_name = "DIR")]
    pub keep_refused: Option<PathBuf>,

    /// Look into signatures that do not match, at most one a second, and log the likely cause
    #[arg(long)]
    pub explain: bool,
}
