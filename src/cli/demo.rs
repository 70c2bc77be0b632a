//! `cartgate demo`: its flags.

use clap::Args;

/// The arguments of `cartgate demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  cartgate demo
      Run a sample app with a gate in front of it. Orders and abandoned carts arrive by POST and PUT; every forgery is
      rejected. Nothing else is needed, and nothing is left behind.

Exit status: 0 everything went as expected; 1 it did not.")]
pub struct DemoArgs {
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
}
