//! The `cartgate` program: what was typed goes in, an exit status comes out. All else is in the library.

use std::process::ExitCode;

use cartgate::{cli::Cli, commands};

fn main() -> ExitCode {
    // First of all: until then a signal ends a gate that is about to start.
    let held = commands::serve::Held::for_serve();
    commands::run(Cli::parse_typed(), held)
}
