//! `cartgate demo`: what can be typed.

use clap::Args;

/// The arguments of `cartgate demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  cartgate demo
      A sample app, a gate before it, deliveries through it: POST and PUT, orders and abandoned
      carts arrive; every forgery is refused. Needs nothing else and leaves nothing behind.

Exit status: 0 everything went as expected; 1 it did not.")]
pub struct DemoArgs {
    /// Prints the results as JSON
    #[arg(long)]
    pub json: bool,
}
