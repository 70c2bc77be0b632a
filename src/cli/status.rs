//! `cartgate status`: its flags.

use std::time::Duration;

use clap::Args;

use super::gates::GatesArgs;

/// The arguments of `cartgate status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate status
      Show the gate of this machine, by its admin listener on 127.0.0.1:9180.

  cartgate status http://10.0.0.1:9180 http://10.0.0.2:9180 --token-file /run/secrets/admin
  cartgate status unix:/run/cartgate/admin.sock
      Show several gates, or one on a Unix socket.

  cartgate status --json | jq '.[].report.endpoints'

Exit status: 0 no open problem; 1 an open problem, or a gate without a response; 2 usage error.")]
pub struct StatusArgs {
    /// The gates.
    #[command(flatten)]
    pub gates: GatesArgs,

    /// Time for the response of a gate
    #[arg(
        long,
        value_name = "TIME",
        default_value = "5s",
        value_parser = humantime::parse_duration,
    )]
    pub timeout: Duration,

    /// Print the reports of the gates as JSON
    #[arg(long)]
    pub json: bool,
}
