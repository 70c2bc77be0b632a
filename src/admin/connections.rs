//! The open connections of the admin listener. Their number is limited. Beyond the limit the oldest
//! one is evicted, so that slow clients cannot lock out Prometheus; but only after its guaranteed
//! time, so that fast clients cannot either.

use std::{collections::VecDeque, future::Future, time::Duration};

use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout_at},
};

/// The limit of open connections.
const MAX: usize = 64;

/// The time for which a connection cannot be evicted. Without it, a client that connects in a loop
/// would evict every connection before its response. New connections wait in the kernel's queue
/// meanwhile, which even when full is processed before a scrape times out.
const GUARANTEED: Duration = Duration::from_millis(50);

/// The open connections in the order of their start.
#[derive(Default)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    order: VecDeque<(Instant, AbortHandle)>,
}

impl Connections {
    /// Starts to serve a connection.
    pub(super) fn spawn(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        let task = self.tasks.spawn(connection);
        self.order.push_back((Instant::now(), task));
    }

    /// Waits until a further connection fits. Evicts the oldest one if none ends within its
    /// guaranteed time.
    pub(super) async fn make_room(&mut self) {
        loop {
            while self.tasks.try_join_next().is_some() {}
            self.order.retain(|(_, task)| !task.is_finished());
            if self.order.len() < MAX {
                return;
            }
            let oldest = self.order.front().map(|(since, _)| *since + GUARANTEED);
            let deadline = oldest.unwrap_or_else(Instant::now);
            if timeout_at(deadline, self.tasks.join_next()).await.is_err()
                && let Some((_, oldest)) = self.order.pop_front()
            {
                oldest.abort();
            }
        }
    }
}
