//! The workers: each a thread with a runtime of its own, which serves its connections from the first
//! byte to the last, so that a request crosses no thread. A connection goes to the worker that has
//! the fewest, which keeps them balanced also when there are few.

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
        connection,
        shared::Shared,
        stack::{Stack, stack},
    },
    runtime::background::with_runtime,
};

/// All workers of a gate. Dropped, they end, and with them what they serve.
pub(crate) struct Workers {
    all: Vec<Worker>,
    next: AtomicUsize,
}

struct Worker {
    inbox: UnboundedSender<Message>,
    load: Arc<AtomicUsize>,
}

enum Message {
    Newcomer(Newcomer),
    /// Is it still at work? It answers only once its turn comes.
    Answer(oneshot::Sender<()>),
}

struct Newcomer {
    incoming: Incoming,
    admission: Admission,
    _load: Load,
}

enum Admission {
    /// It has a place.
    Granted(ConnectionPermit),
    /// It is told that the gate is full, and gives the permit back.
    Denied { _permit: OwnedSemaphorePermit },
}

/// One connection of a worker's load.
struct Load(Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
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

    /// Has a connection served that has its place.
    pub(crate) fn serve(&self, incoming: Incoming, member: ConnectionPermit) {
        self.least_loaded()
            .take(incoming, Admission::Granted(member));
    }

    /// Has a client told that the gate is full.
    pub(crate) fn turn_away(&self, incoming: Incoming, permit: OwnedSemaphorePermit) {
        self.least_loaded()
            .take(incoming, Admission::Denied { _permit: permit });
    }

    /// Ready once each worker has shown that it still takes up work; false if one never will.
    pub(crate) async fn answer(&self) -> bool {
        for worker in &self.all {
            let (answer, answered) = oneshot::channel();
            let sent = worker.inbox.send(Message::Answer(answer));
            if sent.is_err() || answered.await.is_err() {
                return false;
            }
        }
        true
    }

    /// Of several with as few, the next in turn.
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
        let (sender, inbox) = unbounded_channel();
        let build = || Builder::new_current_thread().enable_all().build();
        with_runtime(format!("cartgate-{index}"), build, move |runtime| {
            runtime.block_on(work(index, inbox, shared));
        })?;
        Ok(Self {
            inbox: sender,
            load: Arc::default(),
        })
    }

    fn take(&self, incoming: Incoming, admission: Admission) {
        self.load.fetch_add(1, Relaxed);
        let load = Load(Arc::clone(&self.load));
        // A worker only ends after its gate did.
        let _ = self.inbox.send(Message::Newcomer(Newcomer {
            incoming,
            admission,
            _load: load,
        }));
    }
}

async fn work(index: usize, mut inbox: UnboundedReceiver<Message>, shared: Arc<Shared>) {
    let stack = stack(index);
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Newcomer(newcomer) => {
                tokio::spawn(serve(newcomer, Arc::clone(&shared), stack.clone()));
            }
            // Who asked may have stopped to wait.
            Message::Answer(answer) => drop(answer.send(())),
        }
    }
}

async fn serve<S: Stack>(newcomer: Newcomer, shared: Arc<Shared>, stack: S) {
    let Newcomer {
        incoming,
        admission,
        _load,
    } = newcomer;
    let Ok(stream) = incoming.stream.into_stream() else {
        return;
    };
    match admission {
        Admission::Granted(member) => {
            connection::serve(stream, incoming.peer, member, shared, stack).await;
        }
        Admission::Denied { _permit } => {
            connection::turn_away(stream, incoming.peer, shared).await;
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
            &Arc::new(Shared::new(config, Arc::default(), None).expect("nothing is kept")),
        )
        .expect("they start")
    }

    #[tokio::test]
    async fn workers_answer_unless_one_of_them_hangs_or_has_ended() {
        let mut workers = workers(2);
        assert!(workers.answer().await);
        assert!(workers.answer().await, "and again");

        let (inbox, unread) = unbounded_channel();
        let load = Arc::default();
        workers.all.push(Worker { inbox, load });
        let hanging = timeout(Duration::from_millis(50), workers.answer());
        assert!(hanging.await.is_err());
        drop(unread);
        assert!(!workers.answer().await);
    }

    #[tokio::test]
    async fn few_connections_are_balanced_too() {
        let workers = workers(3);
        let take = || {
            let load = &workers.least_loaded().load;
            load.fetch_add(1, Relaxed);
            Load(Arc::clone(load))
        };
        let loads = || workers.all.iter().map(|one| one.load.load(Relaxed));
        let mut held: Vec<Load> = Vec::new();
        for count in 1..=9_usize {
            held.push(take());
            assert_eq!(loads().max(), Some(count.div_ceil(3)));
            assert_eq!(loads().min(), Some(count / 3));
        }
        // What one worker has lost, it gets again.
        let first = Arc::clone(&workers.all[0].load);
        held.retain(|load| !Arc::ptr_eq(&load.0, &first));
        assert_eq!(loads().min(), Some(0));
        held.extend((0..3).map(|_| take()));
        assert_eq!(loads().collect::<Vec<_>>(), [3, 3, 3]);
    }
}
