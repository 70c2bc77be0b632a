//! The open connections of an admin listener. Their number is limited. Beyond the limit the oldest
//! one is evicted, so that slow clients cannot lock out Prometheus; but only after its guaranteed
//! time, so that fast clients cannot either. Streams count elsewhere, and are never evicted. Nor are
//! the requests of operators, which have a few places of their own: a reload or a job takes longer.

use std::{collections::VecDeque, future::Future, sync::Arc, time::Duration};

use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout_at},
};

use super::connection::AdminConnection;

/// The limit of open connections without a stream, besides those of operators.
const MAX: usize = 64;

/// The connections of operators that are not evicted. Further ones count as those of anybody.
const MAX_OPERATORS: usize = 16;

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
            let mut ordinary = self.ordinary();
            let oldest = ordinary
                .next()
                .map(|place| self.order[place].since + GUARANTEED);
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
        let oldest = self.ordinary().next();
        if let Some(open) = oldest.and_then(|oldest| self.order.remove(oldest)) {
            open.task.abort();
        }
    }

    /// Returns the places of the connections that count and may be evicted, oldest first.
    fn ordinary(&self) -> impl Iterator<Item = usize> {
        let mut operators = 0;
        let is_ordinary = move |open: &Open| {
            let is_operator = open.connection.is_operator();
            operators += usize::from(is_operator);
            !is_operator || operators > MAX_OPERATORS
        };
        let finite = self.order.iter().enumerate();
        let finite = finite.filter(|(_, open)| !open.connection.is_stream());
        finite
            .scan(is_ordinary, |is_ordinary, (place, open)| {
                Some(is_ordinary(open).then_some(place))
            })
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::net::peer::Peer;

    impl Connections {
        fn open(&mut self, is_operator: bool) -> AbortHandle {
            let connection = Arc::new(AdminConnection::new(Peer::Unix, None));
            if is_operator {
                connection.keep_for_operator();
            }
            self.spawn(connection, pending());
            self.order.back().expect("it is open").task.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_evicts_no_operator() {
        let mut connections = Connections::default();
        let operators: Vec<_> = (0..=MAX_OPERATORS)
            .map(|_| connections.open(true))
            .collect();
        let oldest = connections.open(false);
        for _ in 0..2 * MAX {
            connections.make_room().await;
            connections.open(false);
        }
        tokio::task::yield_now().await;
        assert!(oldest.is_finished());
        let (kept, beyond) = operators.split_at(MAX_OPERATORS);
        assert!(kept.iter().all(|task| !task.is_finished()));
        assert!(
            beyond[0].is_finished(),
            "the places of operators are limited, too"
        );
        assert!(connections.order.len() <= MAX + MAX_OPERATORS);
    }
}
