//! The drain: lets open requests and deliveries end before the gate does.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{profile_keeper, running::Running};
use crate::{proxy::shared::Stage, rejected::Writer};

/// The interval at which the drain looks for open connections.
const POLL: Duration = Duration::from_millis(5);

impl Running {
    /// Stops accepting, and waits within the drain limit for connections and deliveries to end.
    pub(super) async fn drain(mut self) {
        self.manager.stopping();
        let timeouts = self.gate.config().timeouts.clone();
        self.gate.advance(Stage::Leaving);
        sleep(timeouts.drain_delay).await;
        self.tasks.shutdown().await;
        self.take_queued();
        self.gate.advance(Stage::Closing);
        let begun = Instant::now();
        match timeout(timeouts.drain_limit, self.idle()).await {
            Ok(()) => tracing::info!(ms = begun.elapsed().as_millis(), "drained"),
            Err(_) => tracing::warn!(
                connections = self.gate.connections.len(),
                "drain limit reached before everything had ended"
            ),
        }
        profile_keeper::store_all(&self.gate).await;
        self.gate.throttle.tick();
        self.gate.recorder.end().await;
    }

    /// Accepts the connections that wait in the kernel's queue. Closing a listening socket resets
    /// them, and each may carry a delivery.
    fn take_queued(&mut self) {
        let acceptors = std::mem::take(&mut self.acceptors);
        for acceptor in acceptors.into_iter().filter_map(Arc::into_inner) {
            acceptor.take_queued(|incoming| self.balancer.assign(incoming));
        }
    }

    /// Waits until no attempt, no connection, no late delivery and no write of a saved rejection is
    /// left.
    async fn idle(&self) {
        if let Some(dispatcher) = &self.dispatcher {
            dispatcher.drain().await;
        }
        let is_saving = || !self.gate.rejected.as_ref().is_none_or(Writer::is_idle);
        while self.gate.connections.len() > 0 || self.gate.late.is_busy() || is_saving() {
            sleep(POLL).await;
        }
    }
}
