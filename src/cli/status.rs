//! `cartgate status`: what can be typed.

use std::time::Duration;

use clap::Args;

use crate::{net::address::Address, secret::source::SecretSource};

/// The arguments of `cartgate status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate status
      How the gate of this machine is, from its admin listener on 127.0.0.1:9180.

  cartgate status http://10.0.0.1:9180 http://10.0.0.2:9180 --token-file /run/secrets/admin
  cartgate status unix:/run/cartgate/admin.sock
      Several gates at once; one on a Unix socket.

  cartgate status --json | jq '.[].report.endpoints'

Exit status: 0 all is well; 1 something needs a person, or a gate does not answer; 2 usage.")]
pub struct StatusArgs {
    /// The admin listeners to ask: http://HOST:PORT or unix:/SOCKET
    #[arg(
        value_name = "URL",
        default_value = "http://127.0.0.1:9180",
        value_parser = without_path,
    )]
    pub gates: Vec<Address>,

    /// The file that holds the admin listeners' token; one newline at its end is ignored. Without it: the variable CARTGATE_ADMIN_TOKEN
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<SecretSource>,

    /// How long a gate may take to answer
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        value_parser = humantime::parse_duration,
    )]
    pub timeout: Duration,

    /// Prints what the gates say as JSON
    #[arg(long)]
    pub json: bool,
}

/// The address of a listener, not of anything on it.
pub(super) fn without_path(typed: &str) -> Result<Address, String> {
    let address: Address = typed.parse().map_err(|error| format!("{error}"))?;
    match address.target() {
        Some(path) if path != "/" => Err("name the admin listener, without a path".to_owned()),
        _ => Ok(address),
    }
}
