//! `cartgate demo`: its flags.

use clap::Args;

/// The arguments of `cartgate demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate demo
      Run a sample app with a gate in front of it. Orders and abandoned carts arrive by POST and PUT; every forgery is
      rejected. Nothing else is needed, and nothing is left behind.
  cartgate demo --console
      Run a gate with a web console, a sample app and a trickle of deliveries and forgeries until Ctrl-C, and print the
      link to open. Enter stops and starts the app.

Exit status: 0 everything went as expected; 1 it did not.")]
pub struct DemoArgs {
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
    /// Keep running with a web console to try out
    #[arg(long, conflicts_with = "json")]
    pub console: bool,
}
