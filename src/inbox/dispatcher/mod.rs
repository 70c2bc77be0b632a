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
mod supervisor;
mod suspects;
mod sweep;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use attempt::GONE;
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
        oneshot,
    },
};

use super::{Inbox, Queue};
use crate::{
    destination::meter::DestinationMeter,
    endpoint::Endpoint,
    proxy::{shared::Shared, snapshot::Snapshot},
    runtime::{
        background::with_runtime,
        clock::{Clock, Millis, millis},
        jitter::random_fraction,
    },
};
use lines::Lines;
use supervisor::{Message, supervise};

/// The thread that delivers. Dropped, it ends at once, and what was under way comes back as from a gate that died.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    messages: UnboundedSender<Message>,
    draining: AtomicBool,
}

impl Dispatcher {
    /// Starts to deliver what `inbox` keeps for the queues of the gate's configuration.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub(crate) fn start(gate: &Arc<Shared>, inbox: &Arc<Inbox>) -> io::Result<Self> {
        let tools = Tools {
            inbox: Arc::clone(inbox),
            clock: Clock::System,
            chance: random_fraction,
            lines: Lines::default(),
        };
        Self::start_with(gate, tools)
    }

    fn start_with(gate: &Arc<Shared>, tools: Tools) -> io::Result<Self> {
        let (messages, received) = unbounded_channel();
        let (gate, tools) = (Arc::clone(gate), Arc::new(tools));
        let build = || Builder::new_current_thread().enable_all().build();
        with_runtime("cartgate-inbox".to_owned(), build, move |runtime| {
            let drained = runtime.block_on(supervise(gate, tools, received));
            // The caller may close the store after `drained` is dropped.
            drop(runtime);
            drop(drained);
        })?;
        Ok(Self {
            messages,
            draining: AtomicBool::new(false),
        })
    }

    /// Has it take up the configuration that is in force now.
    pub(crate) fn reconfigured(&self) {
        // An end of the thread is the watchdog's affair.
        let _ = self.messages.send(Message::Reconfigured);
    }

    /// Ready once it has shown that it still works; false if it never will.
    pub(crate) async fn answer(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        let sent = self.messages.send(Message::Answer(answer));
        self.draining.load(Relaxed) || (sent.is_ok() && answered.await.is_ok())
    }

    /// Claims nothing more; ready once what was under way has ended, and the thread has.
    pub(crate) async fn drain(&self) {
        self.draining.store(true, Relaxed);
        let (drained, ended) = oneshot::channel();
        if self.messages.send(Message::Drain(drained)).is_ok() {
            // Never sent, only dropped.
            let _ = ended.await;
        }
    }
}

/// What deliveries are made with: the same from the start to the end.
#[derive(Debug)]
struct Tools {
    inbox: Arc<Inbox>,
    clock: Clock,
    /// Between 0 and 1.
    chance: fn() -> f64,
    lines: Lines,
}

/// A queue as the configuration in force has it.
#[derive(Debug)]
struct Post {
    queue: Arc<Queue>,
    meter: Arc<DestinationMeter>,
    config: Arc<Snapshot>,
}

impl Post {
    /// The endpoint that an event came to, if there still is one.
    fn endpoint(&self, name: &str) -> Option<&Arc<Endpoint>> {
        self.config.endpoints.iter().find(|own| *own.name == *name)
    }
}

/// What is due after a `wait`, and is no further away than that also once the clock was put back.
fn at_most(due: Millis, wait: Millis, now: Millis) -> Millis {
    due.min(now.saturating_add(wait))
}
