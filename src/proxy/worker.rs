//! The workers. Each has a thread with its own runtime, which serves its connections from the first
//! byte to the last, so that no request crosses threads. A new connection goes to the worker with
//! the fewest.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::{
    runtime::Builder,
    sync::{
        OwnedSemaphorePermit,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
};

use crate::{
    net::listener::Incoming,
    proxy::{
        admission::ConnectionPermit,
        connection::{self, Connection},
        load::Load,
        shared::Shared,
        stack::Stack,
    },
    runtime::background::with_runtime,
};

/// All workers of a gate. Dropping them ends their connections.
pub(crate) struct Workers {
    all: Vec<Worker>,
    next: AtomicUsize,
}

struct Worker {
    tx: UnboundedSender<Message>,
    /// The number of its connections.
    load: Arc<AtomicUsize>,
}

enum Message {
    Accepted(Accepted),
    /// A health check, to which the worker responds in its turn.
    Ping(oneshot::Sender<()>),
}

/// A connection that the gate has accepted.
struct Accepted {
    incoming: Incoming,
    admission: Admission,
    load: Load,
}

enum Admission {
    /// The connection has a place.
    Granted(ConnectionPermit),
    /// The gate is full. The client gets a response, and the permit ends with it.
    Denied { _permit: OwnedSemaphorePermit },
}

impl Workers {
    /// Starts `count` workers, at least one.
    pub(crate) fn start(count: usize, shared: &Arc<Shared>) -> io::Result<Self> {
        let all = (0..count.max(1))
            .map(|index| Worker::start(index, Arc::clone(shared)))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            all,
            next: AtomicUsize::new(0),
        })
    }

    /// Serves a connection that has a place.
    pub(crate) fn serve(&self, incoming: Incoming, permit: ConnectionPermit) {
        let admission = Admission::Granted(permit);
        self.least_loaded().assign(incoming, admission);
    }

    /// Tells a client that the gate is full.
    pub(crate) fn turn_away(&self, incoming: Incoming, permit: OwnedSemaphorePermit) {
        let admission = Admission::Denied { _permit: permit };
        self.least_loaded().assign(incoming, admission);
    }

    /// Waits until each worker has responded to a health check. Returns false if one has ended.
    pub(crate) async fn ping(&self) -> bool {
        for worker in &self.all {
            let (response, responded) = oneshot::channel();
            let sent = worker.tx.send(Message::Ping(response));
            if sent.is_err() || responded.await.is_err() {
                return false;
            }
        }
        true
    }

    /// Returns the worker with the fewest connections; among equals, they take turns.
    fn least_loaded(&self) -> &Worker {
        let first = self.next.fetch_add(1, Relaxed);
        (0..self.all.len())
            .map(|offset| &self.all[(first + offset) % self.all.len()])
            .min_by_key(|worker| worker.load.load(Relaxed))
            .expect("there is at least one worker")
    }
}

impl Worker {
    fn start(index: usize, shared: Arc<Shared>) -> io::Result<Self> {
        let (tx, rx) = unbounded_channel();
        let build = || Builder::new_current_thread().enable_all().build();
        with_runtime(format!("cartgate-{index}"), build, move |runtime| {
            runtime.block_on(work(index, rx, shared));
        })?;
        Ok(Self {
            tx,
            load: Arc::default(),
        })
    }

    fn assign(&self, incoming: Incoming, admission: Admission) {
        // A worker ends only after its gate has.
        let _ = self.tx.send(Message::Accepted(Accepted {
            incoming,
            admission,
            load: Load::add(&self.load),
        }));
    }
}

async fn work(index: usize, mut rx: UnboundedReceiver<Message>, shared: Arc<Shared>) {
    let stack = Stack::new(index);
    while let Some(message) = rx.recv().await {
        match message {
            Message::Accepted(accepted) => start(accepted, &shared, stack),
            // The caller may have stopped waiting.
            Message::Ping(response) => drop(response.send(())),
        }
    }
}

/// Starts the task of a connection. Denied ones have tasks of another type, because those would be
/// larger than the task of an idle connection.
fn start(accepted: Accepted, shared: &Arc<Shared>, stack: Stack) {
    let Accepted {
        incoming,
        admission,
        load,
    } = accepted;
    let (peer, shared) = (incoming.peer, Arc::clone(shared));
    let Ok(stream) = incoming.stream.into_stream() else {
        return;
    };
    match admission {
        Admission::Granted(permit) => {
            let connection = Connection::new(peer, permit, shared, stack, load);
            tokio::spawn(connection.serve(stream));
        }
        Admission::Denied { _permit: permit } => {
            tokio::spawn(async move {
                connection::turn_away(stream, peer, shared).await;
                drop((permit, load));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use tokio::time::timeout;

    use crate::{endpoint::Endpoints, proxy::config::Config};

    fn workers(count: usize) -> Workers {
        let config = Arc::new(Config::new(Endpoints::new(Vec::new())));
        Workers::start(
            count,
            &Arc::new(Shared::new(config, Arc::default(), None).expect("no directory is needed")),
        )
        .expect("they start")
    }

    #[tokio::test]
    async fn workers_answer_unless_one_of_them_hangs_or_has_ended() {
        let mut workers = workers(2);
        assert!(workers.ping().await);
        assert!(workers.ping().await, "and again");

        let (tx, unread) = unbounded_channel();
        let load = Arc::default();
        workers.all.push(Worker { tx, load });
        let hanging = timeout(Duration::from_millis(50), workers.ping());
        assert!(hanging.await.is_err());
        drop(unread);
        assert!(!workers.ping().await);
    }

    #[tokio::test]
    async fn few_connections_are_balanced_too() {
        let workers = workers(3);
        let take = || Load::add(&workers.least_loaded().load);
        let loads = || workers.all.iter().map(|one| one.load.load(Relaxed));
        let mut held: Vec<Load> = Vec::new();
        for count in 1..=9_usize {
            held.push(take());
            assert_eq!(loads().max(), Some(count.div_ceil(3)));
            assert_eq!(loads().min(), Some(count / 3));
        }
        // A worker that has lost connections gets the next ones.
        let first = Arc::clone(&workers.all[0].load);
        held.retain(|load| !load.is_part_of(&first));
        assert_eq!(loads().min(), Some(0));
        held.extend((0..3).map(|_| take()));
        assert_eq!(loads().collect::<Vec<_>>(), [3, 3, 3]);
    }
}
