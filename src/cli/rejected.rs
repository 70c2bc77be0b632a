//! `cartgate rejected`: what can be typed.

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
      Deliveries whose signature did not match, as the gate saved them ([rejected]).

  cartgate rejected show --dir /var/lib/cartgate/rejected --secret-file new.txt 019ac9d3-4c1e-7d52-9b0a-3f2e1d0c9b8a
      One of them, and the likely cause.

`cartgate send URL --delivery FILE` sends one on that verifies.

Exit status: 0 done, also if nothing is saved; 1 there is no such delivery, or the directory cannot be read; 2 usage."
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
    /// The configuration file of the gate: its [rejected] table, and the secrets of its endpoints
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "dir",
        required_unless_present = "dir"
    )]
    pub config: Option<PathBuf>,

    /// The directory itself
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// A file that holds a secret, for the cause; repeat it for several. Without it: each endpoint's secrets in the
    /// configuration file; with --dir, the variable CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE", value_delimiter = ',')]
    pub secret_file: Vec<SecretSource>,

    /// The header that carries the signature. Without it: each endpoint's in the configuration file; with --dir,
    /// x-cartfunnel-hmac-sha256
    #[arg(long, value_name = "NAME")]
    pub header_name: Option<HeaderName>,
}

/// The arguments of `cartgate rejected list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate rejected list --config cartgate.toml
  cartgate rejected list --dir rejected --secret-file secret.txt --json | jq -r 'select(.secret).file'
      The files of those that verify by now.")]
pub struct RejectedListArgs {
    /// Place of the saved rejections
    #[command(flatten)]
    pub at: RejectedAt,
    /// Print a JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `cartgate rejected show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate rejected show --config cartgate.toml 019ac9d3-4c1e-7d52-9b0a-3f2e1d0c9b8a
  cartgate rejected show --config cartgate.toml 019ac9d3-4c1e-7d52-9b0a-3f2e1d0c9b8a --body > order.json
      The body alone, byte for byte; it may be somebody's order.")]
pub struct RejectedShowArgs {
    /// Place of the saved rejections
    #[command(flatten)]
    pub at: RejectedAt,
    /// The delivery, by the id that logs and responses show
    #[arg(value_name = "ID")]
    pub id: Uuid,
    /// Print the body, byte for byte, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub body: bool,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}
