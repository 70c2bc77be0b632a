//! The `cartgate` program: what was typed goes in, an exit status comes out. All else is in the library.

use std::process::ExitCode;

use cartgate::cli::Cli;

fn main() -> ExitCode {
    cartgate::commands::run(Cli::parse_typed())
}
