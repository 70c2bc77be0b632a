//! `cartgate status`: what can be typed.

use std::time::Duration;

use clap::Args;

use super::gates::GatesArgs;

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

    /// Prints what the gates say as JSON
    #[arg(long)]
    pub json: bool,
}
