//! `cartgate man`: what can be typed.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `cartgate man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate man /usr/local/share/man/man1
  cartgate man . && man ./cartgate-serve.1")]
pub struct ManArgs {
    /// The folder to write the pages to; it must exist
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
