//! `cartgate check`: its flags.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `cartgate check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate check
      Check the configuration that `serve` without arguments would use: ./cartgate.toml, /etc/cartgate/cartgate.toml, or
      variables.

  cartgate check gate.toml
      Print every mistake that would keep `serve --config` from starting, each with its line, and warnings. Nothing is
      changed, and no connection is opened.

  cartgate check --show cartgate.toml
      Print the configuration in force with this file, including defaults. Secrets are named by their places and never
      shown.

  cartgate check --without-files cartgate.toml
      Check the text alone, on a machine without the secrets, certificates, directories and addresses.

  cartgate check --schema > cartgate.schema.json
      Write the JSON schema of the file for editors. Begin the file with: #:schema ./cartgate.schema.json

Exit status: 0 the file can be used; 2 it cannot.")]
pub struct CheckArgs {
    /// Configuration file. Without it: the configuration that `serve` without arguments would use
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Print the configuration in force with this file
    #[arg(long)]
    pub show: bool,

    /// Print the JSON schema of the file
    #[arg(long, exclusive = true)]
    pub schema: bool,

    /// Check the text alone, without the secrets, certificates, directories, addresses and inbox
    /// that it names
    #[arg(long)]
    pub without_files: bool,

    /// Print mistakes and warnings as JSON
    #[arg(long, conflicts_with = "show")]
    pub json: bool,
}
