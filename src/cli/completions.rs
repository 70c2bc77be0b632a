//! `cartgate completions`: its arguments.

use clap::Args;
use clap_complete::Shell;

/// The arguments of `cartgate completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate completions bash > /etc/bash_completion.d/cartgate
  cartgate completions zsh > ~/.zfunc/_cartgate
  cartgate completions fish > ~/.config/fish/completions/cartgate.fish")]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    pub shell: Shell,
}
