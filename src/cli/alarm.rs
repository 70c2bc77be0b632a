//! `cartgate alarm`: its subcommands and flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The arguments of `cartgate alarm`.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  cartgate alarm test
      Send a test message to each [[alarm]] of the configuration that `serve` without arguments would use.

Exit status: 0 each receiver has accepted it; 1 one has not; 2 usage or configuration error."
)]
pub struct AlarmArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub command: AlarmCommand,
}

/// Operations on the receivers of alarms.
#[derive(Debug, Subcommand)]
pub enum AlarmCommand {
    /// Send a test message to each receiver of alarms, and print the results
    Test(AlarmTestArgs),
}

/// The arguments of `cartgate alarm test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate alarm test --config /etc/cartgate/cartgate.toml
      Send one message to each [[alarm]] of the file. Other sections are not loaded, so the gate may run or not.

Exit status: 0 each receiver has accepted it; 1 one has not; 2 usage or configuration error.")]
pub struct AlarmTestArgs {
    /// Configuration file. Without it: the one that `serve` finds
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
}
