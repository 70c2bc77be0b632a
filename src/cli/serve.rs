//! `cartgate serve`: its flags. `from_flags` turns them into a plan.

use std::path::PathBuf;

use clap::{Args, Command};

use super::{flags::Flags, variables::Given};
use crate::{
    config::sections::{
        acme::AcmePlan, admin::AdminPlan, destination::DestinationPlan, endpoint::EndpointPlan,
        event::EventPlan, inbox::InboxPlan, log::LogPlan, rejected::RejectedPlan,
        server::ServerPlan, tls::TlsPlan,
    },
    secret::source::SecretSource,
};

/// The name of the endpoint, if none is given.
pub(super) const DEFAULT_NAME: &str = "default";

/// The arguments of `cartgate serve`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cartgate serve --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3000/webhooks/orders \\
      --secret-file /run/secrets/cartfunnel
      Pass every verified delivery to exactly that path of the app on port 3000.

  cartgate serve --listen unix:/run/cartgate.sock --upstream unix:/run/app.sock \\
      --path /webhooks/orders --secret-file new=/run/secrets/new --secret-file old=/run/secrets/old
      Use Unix sockets on both sides, one path, and two secrets while Cartfunnel moves to a new one.

  cartgate serve --listen :8080 --upstream http://127.0.0.1:3000/hooks --secret-file secret.txt \\
      --explain
      Find out why every delivery gets 401.

  cartgate serve --listen :8080 --upstream http://127.0.0.1:3000/hooks --secret-file secret.txt \\
      --inbox sqlite:/var/lib/cartgate/inbox.db
      Respond with 200 once a delivery is stored, and deliver it until the app has accepted it.

  cartgate serve
      Read ./cartgate.toml or /etc/cartgate/cartgate.toml, which `cartgate init` writes.

  cartgate serve --config gate.toml
      Read several endpoints, and every other setting, from another file.

  cartgate reload   apply a changed file, secret or certificate without losing a request (as SIGHUP does)
  kill -TERM PID    drain and exit; a second signal exits immediately")]
pub struct ServeArgs {
    /// Configuration file; only the flags of addresses, admin listener, watch, sandbox,
    /// workers and logging override it. Without this flag: the text in the variable CARTGATE_CONFIG_TOML, or a
    /// gate of flags if --upstream or --verdict is given, or ./cartgate.toml, or
    /// /etc/cartgate/cartgate.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Text of a configuration file. Only its variable is documented, because arguments are short
    /// and visible to all users of the machine
    #[arg(long, value_name = "TEXT", hide = true, conflicts_with = "config")]
    pub config_toml: Option<String>,

    /// File with the secret; one newline at its end is ignored. Repeat it, each with a NAME, for
    /// several. Without this flag: the variable CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE", value_delimiter = ',')]
    pub secret_file: Vec<SecretSource>,

    /// The flags of `[server]`.
    #[command(flatten)]
    pub(crate) server: Flags<ServerPlan>,

    /// The flags of the certificate.
    #[command(flatten)]
    pub(crate) tls: Flags<TlsPlan>,

    /// The flags of automatic certificates.
    #[command(flatten)]
    pub(crate) acme: Flags<AcmePlan>,

    /// The flags of the endpoint.
    #[command(flatten)]
    pub(crate) endpoint: Flags<EndpointPlan>,

    /// The flags of the event kind.
    #[command(flatten)]
    pub(crate) event: Flags<EventPlan>,

    /// The flags of the app.
    #[command(flatten)]
    pub(crate) destination: Flags<DestinationPlan>,

    /// The flags of the inbox.
    #[command(flatten)]
    pub(crate) inbox: Flags<InboxPlan>,

    /// The flags of saved rejections.
    #[command(flatten)]
    pub(crate) rejected: Flags<RejectedPlan>,

    /// The flags of the admin listener.
    #[command(flatten)]
    pub(crate) admin: Flags<AdminPlan>,

    /// The flags of logging.
    #[command(flatten)]
    pub(crate) log: Flags<LogPlan>,

    /// The flags that were given, and how.
    #[arg(skip)]
    pub given: Given,
}

/// The flags of the inbox that go with `--inbox` only.
pub(super) const WITH_INBOX: [&str; 4] = [
    "inbox_ca_file",
    "inbox_encryption_key_file",
    "inbox_key_file",
    "inbox_password_file",
];

/// The flags of automatic certificates that go with `--acme-domain` only.
const WITH_ACME: [&str; 4] = ["acme_contact", "acme_dir", "acme_directory", "acme_ca_file"];

/// Adds to the flags of `serve` what follows from no single setting: the flags that need or exclude
/// each other.
pub(super) fn related(serve: Command) -> Command {
    let serve = serve.mut_arg("upstream", |arg| arg.requires("listen"));
    let serve = WITH_INBOX.into_iter().fold(serve, |serve, id| {
        serve.mut_arg(id, |arg| arg.requires("inbox"))
    });
    let serve = WITH_ACME.into_iter().fold(serve, |serve, id| {
        serve.mut_arg(id, |arg| arg.requires("acme_domain"))
    });
    let by_field = ["event_order", "event_abandoned_cart", "only"];
    let serve = by_field.into_iter().fold(serve, |serve, id| {
        serve.mut_arg(id, |arg| {
            arg.requires("event_pointer").conflicts_with("event")
        })
    });
    serve
        .mut_arg("verdict", |arg| {
            arg.requires("listen")
                .conflicts_with_all(["upstream", "inbox"])
        })
        .mut_arg("event", |arg| arg.conflicts_with("event_pointer"))
        .mut_arg("tls_cert", |arg| arg.requires("tls_key"))
        .mut_arg("tls_key", |arg| arg.requires("tls_cert"))
        .mut_arg("acme_domain", |arg| arg.conflicts_with("tls_cert"))
        .mut_arg("name", |arg| arg.default_value(DEFAULT_NAME))
        .mut_arg("header_name", |arg| arg.visible_alias("header"))
}
