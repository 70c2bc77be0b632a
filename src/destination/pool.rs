//! The idle connections of one worker to one destination. Only that worker locks a pool, so the
//! lock is practically free.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::time::Instant;

use super::connection::Connection;
use crate::runtime::{timer::Timer, turn};

/// The maximum number of idle connections. Further ones are closed, so that a burst does not occupy
/// an app's sockets.
const MAX_IDLE: usize = 256;

/// The idle connections, the longest idle first.
#[derive(Debug, Clone)]
pub(super) struct Pool(Arc<SharedPool>);

#[derive(Debug)]
struct SharedPool {
    state: Mutex<State>,
    idle_timeout: Duration,
}

#[derive(Debug, Default)]
struct State {
    idle: VecDeque<IdleConnection>,
    /// The waker of the task that closes connections, while it runs.
    reaper: Option<Waker>,
}

/// An idle connection, and the time when it is closed.
#[derive(Debug)]
struct IdleConnection {
    connection: Box<Connection>,
    until: Instant,
}

impl Pool {
    /// Creates an empty pool that closes a connection after this idle time.
    pub(super) fn new(idle_timeout: Duration) -> Self {
        Self(Arc::new(SharedPool {
            state: Mutex::default(),
            idle_timeout,
        }))
    }

    /// Takes the connection that was used last. The others can time out when there is little
    /// traffic.
    pub(super) fn take(&self, now: Instant) -> Option<Box<Connection>> {
        let mut state = self.lock();
        while let Some(mut idle) = state.idle.pop_back() {
            if now < idle.until && idle.connection.is_reusable() {
                return Some(idle.connection);
            }
        }
        None
    }

    /// Keeps a connection whose response was read to its end, unless it is too old.
    pub(super) fn put(&self, mut connection: Box<Connection>) {
        let now = turn::now();
        let until = connection.expires.min(now + self.0.idle_timeout);
        if until <= now {
            return;
        }
        let mut state = self.lock();
        if !connection.is_idle(state.reaper.as_ref().unwrap_or(Waker::noop())) {
            return;
        }
        connection.release_buffer();
        if state.idle.len() >= MAX_IDLE {
            state.idle.pop_front();
        }
        state.idle.push_back(IdleConnection { connection, until });
        if state.reaper.is_none() {
            state.reaper = Some(Waker::noop().clone());
            tokio::spawn(self.clone().reap());
        }
    }

    /// Closes connections when they time out or their app closes them, and ends with the last one.
    /// Without it, an app that serves one connection at a time would wait for the gate to close.
    async fn reap(self) {
        let mut timer = Timer::new(Instant::now() + self.0.idle_timeout);
        poll_fn(|cx| {
            while let Some(next) = self.close_unusable(cx) {
                ready!(timer.poll(cx, next));
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Closes the unusable connections, and returns when the next one times out.
    fn close_unusable(&self, cx: &Context<'_>) -> Option<Instant> {
        let (mut state, now) = (self.lock(), Instant::now());
        let is_usable =
            |idle: &mut IdleConnection| now < idle.until && idle.connection.is_idle(cx.waker());
        state.idle.retain_mut(is_usable);
        let next = state.idle.iter().map(|idle| idle.until).min();
        state.reaper = next.map(|_| cx.waker().clone());
        next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tokio::net::TcpStream;

    use super::*;
    use crate::{destination::settings::Settings, net::stream::Stream};

    const LONG: Duration = Duration::from_secs(60);

    /// Returns a pool with one connection, and the app's end of it.
    async fn pool(age: Duration) -> (Pool, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let near = TcpStream::connect(address).await.expect("connected");
        let (far, _) = listener.accept().expect("accepted");
        let pool = Pool::new(LONG);
        let settings = Settings {
            max_age: age,
            ..Settings::default()
        };
        pool.put(Box::new(Connection::new(Stream::Tcp(near), &settings)));
        (pool, far)
    }

    /// The test awaits nothing between the app's action and the check, so the runtime has not
    /// polled the socket.
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
        let connection = young.take(Instant::now()).expect("young enough");
        tokio::time::advance(LONG / 4).await;
        young.put(connection);
        assert!(young.take(Instant::now()).is_none());

        let (old, _far) = pool(LONG / 2).await;
        assert!(old.take(Instant::now() + LONG / 2).is_none());
    }
}
