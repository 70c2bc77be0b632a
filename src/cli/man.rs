//! `cartgate man`: its arguments.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `cartgate man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate man /usr/local/share/man/man1
  cartgate man . && man ./cartgate-serve.1")]
pub struct ManArgs {
    /// Directory for the pages; it must exist
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
