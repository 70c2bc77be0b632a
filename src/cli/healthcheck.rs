//! `cartgate healthcheck`: its flags.

use std::time::Duration;

use clap::Args;

/// The arguments of `cartgate healthcheck`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate healthcheck
      Find the gates of this user in this container or machine, and ask them. Root asks those of all users.

  HEALTHCHECK CMD [\"cartgate\", \"healthcheck\"]
      Let a container engine ask. The image of this project does.

  cartgate healthcheck --pid \"$(systemctl show --property MainPID --value cartgate)\"
      Ask one gate of several.

It needs Linux, and no admin listener, token or file.

Exit status: 0 each gate is ready; 1 a gate is not, does not respond, or there is none; 2 usage error.")]
pub struct HealthcheckArgs {
    /// Ask only the gate with this process id
    #[arg(long, value_name = "PID")]
    pub pid: Option<i32>,

    /// Time for the response of a gate
    #[arg(
        long,
        value_name = "TIME",
        default_value = "3s",
        value_parser = humantime::parse_duration,
    )]
    pub timeout: Duration,
}
