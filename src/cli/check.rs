//! `cartgate check`: what can be typed.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `cartgate check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate check /etc/cartgate/cartgate.toml
      Every mistake in the file at once, each at its line, and what looks like one.

  cartgate check --show cartgate.toml
      What is in force with this file: every setting, also those left at their default. Secrets are
      named by where they lie, and never shown.

  cartgate check --without-files cartgate.toml
      On a machine that has neither the secrets nor the certificates: judges the text alone.

Exit status: 0 the file can be used; 2 it cannot.")]
pub struct CheckArgs {
    /// The configuration file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Prints what is in force with this file
    #[arg(long)]
    pub show: bool,

    /// Does not read the secrets and certificates that the file names
    #[arg(long)]
    pub without_files: bool,

    /// Prints mistakes and warnings as JSON
    #[arg(long, conflicts_with = "show")]
    pub json: bool,
}
