//! Signs of life for the watchdog of the service manager.

use std::future::Future;

use tokio::time::{MissedTickBehavior, interval};

use super::service_manager::ServiceManager;

/// Sends a sign of life as long as all threads of the gate respond: this one, which accepts, and
/// those that `threads_respond` asks (the workers and the inbox's dispatcher). If one hangs or has
/// ended, its connections get no response, or stored events no delivery, until the service manager
/// restarts the gate.
pub(super) async fn watch_threads<A>(manager: ServiceManager, threads_respond: impl Fn() -> A)
where
    A: Future<Output = bool>,
{
    let Some(every) = manager.watchdog() else {
        return;
    };
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !threads_respond().await {
            break;
        }
        manager.alive();
    }
    tracing::error!(
        "a worker or the inbox's dispatcher has ended; the watchdog gets no further sign of life"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::{future::pending, os::unix::net::UnixDatagram, time::Duration};

    use tokio::time::timeout;

    /// Returns the number of signs of life in five periods.
    async fn signs<A: Future<Output = bool>>(threads_respond: impl Fn() -> A) -> usize {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("bound");
        socket.set_nonblocking(true).expect("set");
        let manager = ServiceManager::at(&path, Some(Duration::from_secs(2)));
        let watching = watch_threads(manager.expect("a listening socket"), threads_respond);
        let _ = timeout(Duration::from_millis(4_500), watching).await;
        std::iter::from_fn(|| socket.recv(&mut [0; 64]).ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn only_workers_that_answer_are_a_sign_of_life() {
        assert_eq!(signs(|| async { true }).await, 5);
        assert_eq!(signs(|| async { false }).await, 0, "one has ended");
        assert_eq!(signs(pending).await, 0, "one hangs");
    }
}
