//! Connections to one destination that wait for the next delivery of one worker. The lock is that
//! worker's alone in practice, so it is never waited for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::link::Link;

/// More unused connections than this are closed: a burst's are not worth an app's sockets.
const MOST_IDLE: usize = 256;

/// The unused connections, the longest unused first.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    idle: Arc<Mutex<Idle>>,
    limit: Duration,
}

#[derive(Debug, Default)]
struct Idle {
    connections: VecDeque<(Instant, Link)>,
    reaper_runs: bool,
}

impl Pool {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            idle: Arc::default(),
            limit,
        }
    }

    /// The connection that was used last, so that a quiet time lets the others go.
    pub(super) fn take(&self, now: Instant) -> Option<Link> {
        let mut idle = self.lock();
        while let Some((since, mut link)) = idle.connections.pop_back() {
            if now.saturating_duration_since(since) < self.limit && link.is_ready() {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn give(&self, mut link: Link) {
        if !link.is_ready() || self.limit.is_zero() {
            return;
        }
        link.rest();
        let mut idle = self.lock();
        if idle.connections.len() >= MOST_IDLE {
            idle.connections.pop_front();
        }
        idle.connections.push_back((Instant::now(), link));
        if !idle.reaper_runs {
            idle.reaper_runs = true;
            tokio::spawn(self.clone().reap());
        }
    }

    /// Closes connections as their time comes, and ends when none is left. Without it an app that
    /// serves one connection at a time would wait for the gate to let go.
    async fn reap(self) {
        while let Some(oldest) = self.close_expired() {
            tokio::time::sleep_until(oldest + self.limit).await;
        }
    }

    fn close_expired(&self) -> Option<Instant> {
        let mut idle = self.lock();
        let expired =
            |(since, link): &mut (Instant, Link)| since.elapsed() >= self.limit || !link.is_ready();
        while idle.connections.front_mut().is_some_and(expired) {
            idle.connections.pop_front();
        }
        let oldest = idle.connections.front().map(|(since, _)| *since);
        idle.reaper_runs = oldest.is_some();
        oldest
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
