//! Starts and stops queues by the routes in force, and responds to pings.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc::UnboundedReceiver, oneshot, watch},
    task::{AbortHandle, JoinError, JoinSet},
    time::{MissedTickBehavior, interval},
};

use super::{queue_config::QueueConfig, queue_task::QueueTask, services::Services, sweep::sweep};
use crate::inbox::routes::Routes;

/// A message to the dispatcher's thread.
#[derive(Debug)]
pub(super) enum Message {
    /// Respond, as proof that the thread still works.
    Ping(oneshot::Sender<()>),
    /// Claim nothing more, let attempts end, and drop the sender at the end of the thread.
    Drain(oneshot::Sender<()>),
}

/// Runs until it is drained, and then returns the sender to drop last; or until the dispatcher is
/// dropped.
pub(super) async fn supervise(
    mut routes: watch::Receiver<Arc<Routes>>,
    services: Arc<Services>,
    mut messages: UnboundedReceiver<Message>,
) -> Option<oneshot::Sender<()>> {
    let mut supervisor = Supervisor::start(services);
    supervisor.follow(&routes.borrow_and_update());
    let mut seconds = interval(Duration::from_secs(1));
    // After a machine was suspended, one tick makes up for all.
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drained = None;
    while drained.is_none() || !supervisor.tasks.is_empty() {
        tokio::select! {
            biased;
            message = messages.recv() => match message? {
                // The sender of the ping may have stopped waiting.
                Message::Ping(response) => drop(response.send(())),
                Message::Drain(done) => {
                    supervisor.drain();
                    drained = Some(done);
                }
            },
            // Once the sender of the routes is dropped, the last ones stay in force.
            Ok(()) = routes.changed(), if drained.is_none() => {
                supervisor.follow(&routes.borrow_and_update());
            }
            Some(ended) = supervisor.tasks.join_next() => {
                if has_panicked(ended) {
                    return None;
                }
            }
            _ = seconds.tick() => supervisor.services.log.tick(),
        }
    }
    supervisor.services.log.tick();
    drained
}

struct Supervisor {
    services: Arc<Services>,
    /// The configuration of each queue by its name. A queue drains once its sender is dropped.
    queues: BTreeMap<Arc<str>, watch::Sender<Arc<QueueConfig>>>,
    tasks: JoinSet<()>,
    sweeping: AbortHandle,
}

impl Supervisor {
    fn start(services: Arc<Services>) -> Self {
        let mut tasks = JoinSet::new();
        let sweeping = tasks.spawn(sweep(Arc::clone(&services)));
        Self {
            services,
            queues: BTreeMap::new(),
            tasks,
            sweeping,
        }
    }

    /// Starts new queues, drains removed ones, and reconfigures the others, whose attempts go on.
    fn follow(&mut self, routes: &Arc<Routes>) {
        let mut before = std::mem::take(&mut self.queues);
        for config in QueueConfig::all(routes) {
            let name = Arc::clone(&config.queue.destination.name);
            let sender = match before.remove(&name) {
                Some(sender) => {
                    sender.send_replace(config);
                    sender
                }
                None => self.open(&name, config),
            };
            self.queues.insert(name, sender);
        }
    }

    fn open(
        &mut self,
        name: &Arc<str>,
        config: Arc<QueueConfig>,
    ) -> watch::Sender<Arc<QueueConfig>> {
        let (sender, config) = watch::channel(config);
        let queue = QueueTask::new(Arc::clone(name), Arc::clone(&self.services), config);
        self.tasks.spawn(queue.run());
        sender
    }

    fn drain(&mut self) {
        self.queues.clear();
        self.sweeping.abort();
    }
}

/// Returns whether a queue has panicked. The thread then ends, so that the watchdog notices: a
/// queue without a task would deliver nothing, and silently.
fn has_panicked(ended: Result<(), JoinError>) -> bool {
    let panicked = ended.is_err_and(|error| error.is_panic());
    if panicked {
        tracing::error!("inbox dispatcher panicked: stored events are no longer delivered");
    }
    panicked
}
