//! Connections to one destination that wait for the next delivery of one worker. The lock is that
//! worker's alone in practice, so it is never waited for.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::time::Instant;

use super::link::Link;
use crate::timer::Timer;

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
    /// Wakes who closes those of no more use, if there is one.
    reaper: Option<Waker>,
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
            let fresh = now.saturating_duration_since(since) < self.limit;
            if fresh && link.is_ready(Waker::noop()) {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn give(&self, mut link: Link) {
        if self.limit.is_zero() {
            return;
        }
        let mut idle = self.lock();
        if !link.is_ready(idle.reaper.as_ref().unwrap_or(Waker::noop())) {
            return;
        }
        link.rest();
        if idle.connections.len() >= MOST_IDLE {
            idle.connections.pop_front();
        }
        idle.connections.push_back((Instant::now(), link));
        if idle.reaper.is_none() {
            idle.reaper = Some(Waker::noop().clone());
            tokio::spawn(self.clone().reap());
        }
    }

    /// Closes connections as their time comes or their app closes them, and ends when none is left. Without it an app that
    /// serves one connection at a time would wait for the gate to let go.
    async fn reap(self) {
        let mut timer = Timer::new(Instant::now() + self.limit);
        poll_fn(|cx| {
            while let Some(oldest) = self.close_useless(cx) {
                ready!(timer.poll(cx, oldest + self.limit));
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Since when the longest unused one of those that stay is unused.
    fn close_useless(&self, cx: &Context<'_>) -> Option<Instant> {
        let mut idle = self.lock();
        let useful = |(since, link): &mut (Instant, Link)| {
            since.elapsed() < self.limit && link.is_ready(cx.waker())
        };
        idle.connections.retain_mut(useful);
        let oldest = idle.connections.front().map(|(since, _)| *since);
        idle.reaper = oldest.map(|_| cx.waker().clone());
        oldest
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
