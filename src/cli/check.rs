//! `cartgate check`: its flags.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `cartgate check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate check /etc/cartgate/cartgate.toml
      Everything that would keep `serve --config` from starting, each mistake at its line, and warnings. It changes nothing
      and connects to nothing.

  cartgate check --show cartgate.toml
      What is in force with this file: every setting, also those left at their default. Secrets are
      named by where they lie, and never shown.

  cartgate check --without-files cartgate.toml
      On a machine that has neither the secrets nor the certificates, folders and addresses: judges the text alone.

Exit status: 0 the file can be used; 2 it cannot.")]
pub struct CheckArgs {
    /// The configuration file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Prints what is in force with this file
    #[arg(long)]
    pub show: bool,

    /// Judge the text alone, without the secrets, certificates, folders, addresses and inbox that it names
    #[arg(long)]
    pub without_files: bool,

    /// Prints mistakes and warnings as JSON
    #[arg(long, conflicts_with = "show")]
    pub json: bool,
}
