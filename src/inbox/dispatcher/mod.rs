//! Delivers what the inbox keeps: a thread of its own with one task a queue (`queue`), which claims what may start, has each
//! attempted (`attempt`), knows whether its destination is there (`health`) and which events may bring it down (`suspects`). `supervisor` starts and ends queues as the
//! configuration in force names them, `sweep` removes what was delivered long ago, `lines` tells the log.
//!
//! Memory: bodies are held only while they are attempted, at most `concurrency` of each queue.

mod attempt;
mod backoff;
mod health;
mod lines;
mod queue;
mod queue_config;
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
    lines::Lines,
    services::Services,
    supervisor::{Message, supervise},
};
use super::{handle::Inbox, routes::Routes};
use crate::runtime::{background::with_runtime, clock::Clock, jitter::random_fraction};

/// The thread that delivers. Dropped, it ends at once, and what was under way comes back as from a gate that died.
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
            lines: Lines::default(),
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
