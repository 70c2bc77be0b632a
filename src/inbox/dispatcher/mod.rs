//! Delivers stored events, in a thread of its own with one task for each queue.
//!
//! - `supervisor` starts and drains queues as the routes in force change.
//! - `queue_task` claims due deliveries and starts an `attempt` for each.
//! - `health` tracks whether a destination is up, `suspects` which events may bring it down.
//! - `sweep` removes delivered events after their retention.
//! - `delivery_log` writes the log lines.
//!
//! A body is in memory only during an attempt, so a queue holds at most `concurrency` bodies.

mod attempt;
mod backoff;
mod delivery_log;
mod health;
mod queue_config;
mod queue_task;
mod services;
mod supervisor;
mod suspects;
mod sweep;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::{
    runtime::Builder,
    sync::{
        mpsc::{UnboundedSender, unbounded_channel},
        oneshot, watch,
    },
};

use self::{
    delivery_log::DeliveryLog,
    services::Services,
    supervisor::{Message, supervise},
};
use super::{handle::Inbox, routes::Routes};
use crate::runtime::{background::with_runtime, clock::Clock, jitter::random_fraction};

/// The thread that delivers stored events. If it is dropped, it ends at once; the leases of its
/// attempts then end as those of a gate that died.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    messages: UnboundedSender<Message>,
    draining: AtomicBool,
}

impl Dispatcher {
    /// Starts a thread that delivers the stored events of the routes in force.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub(crate) fn start(
        routes: watch::Receiver<Arc<Routes>>,
        inbox: &Arc<Inbox>,
    ) -> io::Result<Self> {
        let services = Services {
            inbox: Arc::clone(inbox),
            clock: Clock::System,
            random_fraction,
            log: DeliveryLog::default(),
        };
        Self::start_with(routes, services)
    }

    fn start_with(routes: watch::Receiver<Arc<Routes>>, services: Services) -> io::Result<Self> {
        let (messages, received) = unbounded_channel();
        let services = Arc::new(services);
        let build = || Builder::new_current_thread().enable_all().build();
        with_runtime("cartgate-inbox".to_owned(), build, move |runtime| {
            let drained = runtime.block_on(supervise(routes, services, received));
            // The caller may close the store once `drained` is dropped.
            drop(runtime);
            drop(drained);
        })?;
        Ok(Self {
            messages,
            draining: AtomicBool::new(false),
        })
    }

    /// Returns a dispatcher, and the work of its thread for a simulation to run.
    #[cfg(test)]
    pub(crate) fn simulated(
        routes: watch::Receiver<Arc<Routes>>,
        inbox: &Arc<Inbox>,
        clock: Clock,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (messages, received) = unbounded_channel();
        let services = Services {
            inbox: Arc::clone(inbox),
            clock,
            random_fraction,
            log: DeliveryLog::default(),
        };
        let dispatcher = Self {
            messages,
            draining: AtomicBool::new(false),
        };
        let work = async { drop(supervise(routes, Arc::new(services), received).await) };
        (dispatcher, work)
    }

    /// Returns true once the thread has shown that it still works, and false if it has ended.
    pub(crate) async fn ping(&self) -> bool {
        let (response, responded) = oneshot::channel();
        let sent = self.messages.send(Message::Ping(response));
        self.draining.load(Relaxed) || (sent.is_ok() && responded.await.is_ok())
    }

    /// Claims nothing more, and returns once all attempts and the thread have ended.
    pub(crate) async fn drain(&self) {
        self.draining.store(true, Relaxed);
        let (drained, ended) = oneshot::channel();
        if self.messages.send(Message::Drain(drained)).is_ok() {
            // The sender is only dropped.
            let _ = ended.await;
        }
    }
}
