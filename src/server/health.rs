//! Reports the health of the gate to `cartgate healthcheck`.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{io::AsyncWriteExt as _, net::UnixListener, time::sleep};

use crate::{net::health_socket::accept, proxy::shared::Shared};

/// The pause after a failed accept: the process may have no file left.
const PAUSE: Duration = Duration::from_millis(100);

/// Writes `ready`, or the reason why the gate is not, to each client of this user. Asks the threads of the gate
/// first: if one hangs, the client gets no response.
pub(super) async fn report<A>(
    listener: UnixListener,
    gate: Arc<Shared>,
    threads_respond: impl Fn() -> A,
) where
    A: Future<Output = bool>,
{
    loop {
        let Ok(mut client) = accept(&listener).await else {
            sleep(PAUSE).await;
            continue;
        };
        let state = match threads_respond().await {
            true => gate.unready().unwrap_or("ready"),
            false => "a worker has ended",
        };
        // The line fits into the buffer of the socket, so this does not wait for the client, which
        // may have gone.
        let _ = client.write_all(state.as_bytes()).await;
    }
}
