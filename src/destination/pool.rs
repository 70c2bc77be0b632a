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

use crate::{destination::connection::Link, runtime::timer::Timer};

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
    connections: VecDeque<Unused>,
    /// Wakes the task that closes connections, if there is one.
    reaper: Option<Waker>,
}

/// An unused connection, and when it is closed.
#[derive(Debug)]
struct Unused {
    link: Link,
    until: Instant,
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
        while let Some(mut unused) = idle.connections.pop_back() {
            if now < unused.until && unused.link.is_reusable() {
                return Some(unused.link);
            }
        }
        None
    }

    /// Keeps a connection whose response was read to its end, unless it is too old.
    pub(super) fn give(&self, mut link: Link) {
        let now = Instant::now();
        let until = link.expires.min(now + self.limit);
        if until <= now {
            return;
        }
        let mut idle = self.lock();
        if !link.is_idle(idle.reaper.as_ref().unwrap_or(Waker::noop())) {
            return;
        }
        link.rest();
        if idle.connections.len() >= MOST_IDLE {
            idle.connections.pop_front();
        }
        idle.connections.push_back(Unused { link, until });
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
            while let Some(next) = self.close_useless(cx) {
                ready!(timer.poll(cx, next));
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Returns when the next of the connections that stay is to be closed.
    fn close_useless(&self, cx: &Context<'_>) -> Option<Instant> {
        let (mut idle, now) = (self.lock(), Instant::now());
        let is_useful = |unused: &mut Unused| now < unused.until && unused.link.is_idle(cx.waker());
        idle.connections.retain_mut(is_useful);
        let next = idle.connections.iter().map(|unused| unused.until).min();
        idle.reaper = next.map(|_| cx.waker().clone());
        next
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tokio::net::TcpStream;

    use super::*;
    use crate::net::stream::Stream;

    const LONG: Duration = Duration::from_secs(60);

    /// A pool with one connection, and the app's end of it.
    async fn pool(age: Duration) -> (Pool, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let near = TcpStream::connect(address).await.expect("connected");
        let (far, _) = listener.accept().expect("accepted");
        let pool = Pool::new(LONG);
        pool.give(Link::new(Stream::Tcp(near), age));
        (pool, far)
    }

    /// Nothing is awaited between the app's deed and the look at the connection, so the runtime cannot know of it.
    #[tokio::test]
    async fn what_the_app_did_a_moment_ago_is_seen() {
        let (idle, _far) = pool(LONG).await;
        assert!(idle.take(Instant::now()).is_some());

        let (unsolicited, mut far) = pool(LONG).await;
        far.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("written");
        assert!(unsolicited.take(Instant::now()).is_none());

        let (closed, far) = pool(LONG).await;
        drop(far);
        assert!(closed.take(Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_connection_is_neither_used_nor_kept() {
        let (young, _far) = pool(LONG / 2).await;
        tokio::time::advance(LONG / 4).await;
        let link = young.take(Instant::now()).expect("young enough");
        tokio::time::advance(LONG / 4).await;
        young.give(link);
        assert!(young.take(Instant::now()).is_none());

        let (old, _far) = pool(LONG / 2).await;
        assert!(old.take(Instant::now() + LONG / 2).is_none());
    }
}
