//! `cartgate console`: its flags.

use std::time::Duration;

use clap::Args;

use super::gates::without_path;
use crate::{net::destination_address::Address, secret::source::SecretSource};

/// The arguments of `cartgate console`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate console
      Print a link to the console of this machine's gate, which has its admin listener on 127.0.0.1:9180.

  cartgate console http://127.0.0.1:9181 --token-file /etc/cartgate/admin.token
  cartgate console unix:/run/cartgate/admin.sock
      Print one for a gate with a configured token, or ask by a Unix socket.

  ssh -L 9180:127.0.0.1:9180 shop.example sudo cartgate console
      Open the console of another machine: leave this running, and open the link.

Exit status: 0 done; 1 the gate does not respond, or has no console; 2 usage error.")]
pub struct ConsoleArgs {
    /// Admin listener of the gate: http://HOST:PORT or unix:/SOCKET
    #[arg(
        value_name = "URL",
        default_value = "http://127.0.0.1:9180",
        value_parser = without_path,
    )]
    pub address: Address,

    /// File with the token of the admin listener; one newline at its end is ignored. Without this
    /// flag: the variable CARTGATE_ADMIN_TOKEN, or the token that a gate of this user has made
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<SecretSource>,

    /// Time for the response of the gate
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        value_parser = humantime::parse_duration,
    )]
    pub timeout: Duration,
}
