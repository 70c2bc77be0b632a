//! The runtime of commands that use the network.

use tokio::runtime::{Builder, Runtime};

use super::outcome::Failure;

/// Returns a runtime with one thread, which is enough for a sender. The workers of a gate have
/// their own.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::usage(format_args!("cannot start: {error}")))
}
