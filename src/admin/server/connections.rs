//! The open connections of an admin listener. Their number is limited. Beyond the limit the oldest
//! one is evicted, so that slow clients cannot lock out Prometheus; but only after its guaranteed
//! time, so that fast clients cannot either. Streams count elsewhere, and are never evicted.

use std::{collections::VecDeque, future::Future, sync::Arc, time::Duration};

use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout_at},
};

use super::connection::AdminConnection;

/// The limit of open connections without a stream.
const MAX: usize = 64;

/// The time for which a connection cannot be evicted. Without it, a client that connects in a loop
/// would evict every connection before its response. New connections wait in the kernel's queue
/// meanwhile, which even when full is processed before a scrape times out.
const GUARANTEED: Duration = Duration::from_millis(50);

/// The open connections in the order of their start.
#[derive(Default)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    order: VecDeque<Open>,
}

/// An open connection.
struct Open {
    since: Instant,
    connection: Arc<AdminConnection>,
    task: AbortHandle,
}

impl Connections {
    /// Starts to serve a connection.
    pub(super) fn spawn(
        &mut self,
        connection: Arc<AdminConnection>,
        serving: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = self.tasks.spawn(serving);
        self.order.push_back(Open {
            since: Instant::now(),
            connection,
            task,
        });
    }

    /// Waits until a further connection fits. Evicts the oldest one without a stream if none ends
    /// within its guaranteed time.
    pub(super) async fn make_room(&mut self) {
        loop {
            while self.tasks.try_join_next().is_some() {}
            self.order.retain(|open| !open.task.is_finished());
            let mut ordinary = self
                .order
                .iter()
                .filter(|open| !open.connection.is_stream());
            let oldest = ordinary.next().map(|open| open.since + GUARANTEED);
            if ordinary.count() + 1 < MAX {
                return;
            }
            let deadline = oldest.unwrap_or_else(Instant::now);
            if timeout_at(deadline, self.tasks.join_next()).await.is_err() {
                self.evict();
            }
        }
    }

    fn evict(&mut self) {
        let mut open = self.order.iter();
        if let Some(oldest) = open.position(|open| !open.connection.is_stream())
            && let Some(open) = self.order.remove(oldest)
        {
            open.task.abort();
        }
    }
}
