//! Starts and ends the queues as the configuration in force names them, and answers who asks whether the thread works.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc::UnboundedReceiver, oneshot, watch},
    task::{AbortHandle, JoinError, JoinSet},
    time::interval,
};

use super::{Post, Tools, queue::Queue, sweep::sweep};
use crate::{endpoint::Target, proxy::shared::Shared};

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    /// Another configuration is in force.
    Reconfigured,
    /// Is it still at work? It answers only once its turn comes.
    Answer(oneshot::Sender<()>),
    /// Claim nothing more, let end what is under way, and end.
    Drain(oneshot::Sender<()>),
}

/// Runs until it is drained, and then gives back what is dropped last; or until nobody can tell it anything more.
pub(super) async fn supervise(
    gate: Arc<Shared>,
    tools: Arc<Tools>,
    mut messages: UnboundedReceiver<Message>,
) -> Option<oneshot::Sender<()>> {
    let mut supervisor = Supervisor::start(gate, tools);
    let mut seconds = interval(Duration::from_secs(1));
    let mut drained = None;
    while drained.is_none() || !supervisor.tasks.is_empty() {
        tokio::select! {
            message = messages.recv() => match message? {
                // Who asked may have stopped to wait.
                Message::Answer(answer) => drop(answer.send(())),
                Message::Reconfigured if drained.is_none() => supervisor.follow(),
                Message::Reconfigured => {}
                Message::Drain(done) => {
                    supervisor.leave();
                    drained = Some(done);
                }
            },
            Some(ended) = supervisor.tasks.join_next() => {
                if has_panicked(ended) {
                    return None;
                }
            }
            _ = seconds.tick() => supervisor.tools.lines.tick(),
        }
    }
    supervisor.tools.lines.tick();
    drained
}

struct Supervisor {
    gate: Arc<Shared>,
    tools: Arc<Tools>,
    /// Each queue by its name; one whose sender is dropped leaves.
    queues: HashMap<Arc<str>, watch::Sender<Arc<Post>>>,
    tasks: JoinSet<()>,
    sweeping: AbortHandle,
}

impl Supervisor {
    fn start(gate: Arc<Shared>, tools: Arc<Tools>) -> Self {
        let mut tasks = JoinSet::new();
        let sweeping = tasks.spawn(sweep(Arc::clone(&tools)));
        let mut supervisor = Self {
            gate,
            tools,
            queues: HashMap::new(),
            tasks,
            sweeping,
        };
        supervisor.follow();
        supervisor
    }

    /// Queues that stay get what has changed, and keep what is under way.
    fn follow(&mut self) {
        let mut before = std::mem::take(&mut self.queues);
        for post in posts(&self.gate) {
            let name = Arc::clone(&post.queue.destination.name);
            let orders = match before.remove(&name) {
                Some(orders) => {
                    orders.send_replace(post);
                    orders
                }
                None => self.open(&name, post),
            };
            self.queues.insert(name, orders);
        }
    }

    fn open(&mut self, name: &Arc<str>, post: Arc<Post>) -> watch::Sender<Arc<Post>> {
        let (orders, received) = watch::channel(post);
        let queue = Queue::new(Arc::clone(name), Arc::clone(&self.tools), received);
        self.tasks.spawn(queue.run());
        orders
    }

    fn leave(&mut self) {
        self.queues.clear();
        self.sweeping.abort();
    }
}

/// The queues of the configuration in force.
fn posts(gate: &Shared) -> Vec<Arc<Post>> {
    let config = gate.config();
    let mut posts = Vec::new();
    for meter in config.meters() {
        if let Target::Durable(durable) = &meter.endpoint.target {
            // A meter's destinations stand in the order of its endpoint's.
            let both = durable.queues.iter().zip(&meter.destinations);
            posts.extend(both.map(|(queue, meter)| {
                Arc::new(Post {
                    queue: Arc::clone(queue),
                    meter: Arc::clone(meter),
                    config: Arc::clone(&config),
                })
            }));
        }
    }
    posts
}

/// A queue that is not served any more must not go unnoticed: the thread ends, and with it the signs of life.
fn has_panicked(ended: Result<(), JoinError>) -> bool {
    let panicked = ended.is_err_and(|error| error.is_panic());
    if panicked {
        tracing::error!("the inbox's dispatcher has panicked: nothing more is delivered from it");
    }
    panicked
}
