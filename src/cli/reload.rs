//! `cartgate reload`: its flags.

use std::time::Duration;

use clap::Args;

use super::gates::GatesArgs;

/// The arguments of `cartgate reload`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate reload
      Reload the gate of this machine or container, by its admin listener on 127.0.0.1:9180.

  cartgate reload unix:/run/cartgate/admin.sock
  cartgate reload http://10.0.0.1:9180 http://10.0.0.2:9180 --token-file /run/secrets/admin
      Reload by a Unix socket, or several gates with the token of their admin listeners.

  docker exec gate cartgate reload
      Reload in a container that accepts no signals. SIGHUP does the same.

Exit status: 0 the new configuration is in force; 1 an old one stays in force, or a gate does not respond; 2 usage error.")]
pub struct ReloadArgs {
    /// The gates.
    #[command(flatten)]
    pub gates: GatesArgs,

    /// Time for the response of a gate
    #[arg(
        long,
        value_name = "TIME",
        default_value = "15s",
        value_parser = humantime::parse_duration,
    )]
    pub timeout: Duration,

    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
}
