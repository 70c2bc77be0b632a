//! `cartgate init`: its flags.

use std::path::PathBuf;

use clap::Args;

use super::front::Front;
use crate::{net::destination_address::Address, secret::source::SecretSource};

/// The arguments of `cartgate init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate init
      Ask three questions; write ./cartgate.toml and ./cartfunnel.secret. Then: cartgate serve

  sudo cartgate init --system
      Write /etc/cartgate/cartgate.toml and /etc/cartgate/cartfunnel.secret for the systemd service.

  sudo cartgate init --system --listen hooks.shop.example
      The same for a gate on port 443 with certificates from Let's Encrypt.

  cartgate init --yes --upstream http://127.0.0.1:3000/hooks --secret-file secret.txt gate
      Ask nothing: write into the directory gate.

  vault read -field=secret kv/cartfunnel | cartgate init --yes --secret-file -
      Read the secret from standard input. No command takes a secret as an argument.

Exit status: 0 both files are written; 1 ended at a question; 2 usage or configuration error. After an error, nothing is
written.")]
pub struct InitArgs {
    /// Directory for the configuration, the secret and the data of the gate
    #[arg(value_name = "DIR", default_value = ".", conflicts_with = "system")]
    pub dir: PathBuf,

    /// URL of the app; its path is also the path of the webhook. Without this flag: a question
    #[arg(long, value_name = "URL")]
    pub upstream: Option<Address>,

    /// File with the secret of Cartfunnel's Webhooks page, or - for standard input. Without this
    /// flag: the variable CARTGATE_SECRET, or a question
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<SecretSource>,

    /// Address of the gate: ADDRESS:PORT, :PORT (every address) or unix:/path; or its public host
    /// name, for port 443 with automatic certificates. Without this flag: a question
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<Front>,

    /// Write the files of the systemd service below /etc/cartgate; its data is in /var/lib/cartgate
    #[arg(long)]
    pub system: bool,

    /// Ask nothing: use the defaults, and a random secret for tests if none is given
    #[arg(long)]
    pub yes: bool,

    /// Replace an existing configuration, and the secret if one is given
    #[arg(long)]
    pub force: bool,
}
