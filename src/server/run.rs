//! Runs a gate from its start to the end of its drain. The binary and the tests call the same
//! function: the caller owns the sockets, the configuration and the shutdown signal.

use std::{future::Future, io, sync::Arc};

use tokio::sync::watch;

use super::{resources::Resources, running::Running};
use crate::proxy::config::Config;

/// Serves until `shutdown` is ready, then drains: accepts the queued connections, lets open
/// requests end within the drain limit, and returns. If the future is dropped earlier, the gate
/// ends at once.
///
/// Must run on a tokio runtime with I/O and time. Each new value of `config` applies to requests
/// whose head is complete after it. The number of workers and the budgets stay as they were at the
/// start. The admin listener responds until the end.
///
/// # Errors
///
/// When the workers, the inbox's dispatcher or a listener cannot start, or when the directory of
/// saved rejections cannot be used.
pub async fn serve(
    resources: Resources,
    config: watch::Receiver<Arc<Config>>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let running = Running::start(resources, config)?;
    shutdown.await;
    running.drain().await;
    Ok(())
}
