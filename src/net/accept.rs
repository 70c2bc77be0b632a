//! The loop that accepts connections, which all listeners of a gate share.

use std::{future::Future, time::Duration};

use tokio::time::sleep;

use super::listener::{Acceptor, Incoming};

/// The pause after an error. Without free file descriptors, accepting fails at once and repeatedly;
/// the pause gives open connections time to end.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes over the connections of one listener.
pub(crate) trait Handler {
    /// The listener's name in the log.
    const LISTENER: &'static str;

    /// Takes over a connection. The loop accepts the next one after this returns.
    fn handle(&mut self, incoming: Incoming) -> impl Future<Output = ()> + Send;
}

/// Accepts connections until it is dropped. It logs the first error of a series.
pub(crate) async fn accept<H: Handler>(acceptor: &Acceptor, mut handler: H) {
    let mut is_failing = false;
    loop {
        match acceptor.accept().await {
            Ok(incoming) => {
                is_failing = false;
                handler.handle(incoming).await;
            }
            Err(error) => {
                if !is_failing {
                    tracing::error!(listener = H::LISTENER, %error, "cannot accept connections");
                }
                is_failing = true;
                sleep(PAUSE).await;
            }
        }
    }
}
