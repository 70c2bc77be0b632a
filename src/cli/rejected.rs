//! `cartgate rejected`: its subcommands and flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use http::HeaderName;
use uuid::Uuid;

use crate::secret::source::SecretSource;

/// The arguments of `cartgate rejected`.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  cartgate rejected list --config /etc/cartgate/cartgate.toml
      List the deliveries with a signature mismatch that the gate saved ([rejected]).

  cartgate rejected show --dir /var/lib/cartgate/rejected --secret-file new.txt 019ac9d3-4c1e-7d52-9b0a-3f2e1d0c9b8a
      Show one of them, and the likely cause.

`cartgate send URL --delivery FILE` forwards one that verifies by now.

Exit status: 0 done, also if nothing is saved; 1 no such delivery, or an unreadable directory; 2 usage error."
)]
pub struct RejectedArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub command: RejectedCommand,
}

/// Operations on saved rejections.
#[derive(Debug, Subcommand)]
pub enum RejectedCommand {
    /// List saved rejections, the oldest first
    List(RejectedListArgs),
    /// Show one saved rejection: its head, and the cause if a secret is named
    Show(RejectedShowArgs),
}

/// The place of the saved rejections, and the secrets that judge them.
#[derive(Debug, Args)]
pub struct RejectedAt {
    /// Configuration file of the gate, for the directory and the secrets of its endpoints. Without
    /// it and --dir: the one that `serve` finds
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    pub config: Option<PathBuf>,

    /// Directory of the saved rejections
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// File with a secret, for the likely cause; may be repeated. Without this flag: each
    /// endpoint's secrets in the configuration file; with --dir, the variable CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE", value_delimiter = ',')]
    pub secret_file: Vec<SecretSource>,

    /// Header that carries the signature. Without this flag: each endpoint's in the configuration
    /// file; with --dir, x-cartfunnel-hmac-sha256
    #[arg(long, value_name = "NAME")]
    pub header_name: Option<HeaderName>,
}

/// The arguments of `cartgate rejected list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate rejected list --config cartgate.toml
  cartgate rejected list --dir rejected --secret-file secret.txt --json | jq -r 'select(.secret).file'
      Print the files of those that verify by now.")]
pub struct RejectedListArgs {
    /// Place of the saved rejections
    #[command(flatten)]
    pub at: RejectedAt,
    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `cartgate rejected show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate rejected show --config cartgate.toml 019ac9d3-4c1e-7d52-9b0a-3f2e1d0c9b8a
  cartgate rejected show --config cartgate.toml 019ac9d3-4c1e-7d52-9b0a-3f2e1d0c9b8a --body > order.json
      Write the body alone, byte for byte; it may hold personal data.")]
pub struct RejectedShowArgs {
    /// Place of the saved rejections
    #[command(flatten)]
    pub at: RejectedAt,
    /// Delivery id, which logs and responses show
    #[arg(value_name = "ID")]
    pub id: Uuid,
    /// Print only the body, byte for byte
    #[arg(long, conflicts_with = "json")]
    pub body: bool,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}
