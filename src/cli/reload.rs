//! `cartgate reload`: what can be typed.

use std::time::Duration;

use clap::Args;

use super::gates::GatesArgs;

/// The arguments of `cartgate reload`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate reload
      The gate of this machine or container, through its admin listener on 127.0.0.1:9180.

  cartgate reload unix:/run/cartgate/admin.sock
  cartgate reload http://10.0.0.1:9180 http://10.0.0.2:9180 --token-file /run/secrets/admin
      Through a Unix socket; several gates, with the token of their admin listeners.

  docker exec gate cartgate reload
      In a container that takes no signals. SIGHUP does the same.

Exit status: 0 the new configuration is in force; 1 an old one stays in force, or a gate does not answer; 2 usage.")]
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
