//! The `cartgate` program. It passes the arguments to the library, and returns the exit status.

use std::process::ExitCode;

use cartgate::{cli::Cli, commands};
use tikv_jemallocator::Jemalloc;

/// A request takes fewer instructions with jemalloc than with the allocator of the system. In a gate,
/// its background thread returns the memory of a burst to the kernel.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    // Before anything else, because until then a signal ends a gate that is about to start.
    let held = commands::serve::HeldSignals::for_serve();
    commands::run(Cli::parse_typed(), held)
}
