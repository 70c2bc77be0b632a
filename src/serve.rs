//! Runs a gate: starts its workers, accepts connections and hands each to the worker that has the
//! fewest, takes up changed configuration, and ends in order. The caller owns sockets, configuration
//! and the signal to stop, so the binary and the tests run the very same thing.

use std::{future::Future, io, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};

use crate::{
    admin,
    config::Config,
    gate::{Gate, Stage},
    listener::{Acceptor, Incoming, Listener},
    metrics::Metrics,
    worker::Workers,
};

/// Connections that may be told at the same time that the gate is full; what comes on top is closed
/// without a word.
const TURNED_AWAY: usize = 256;

/// Out of file descriptors, accepting fails at once and again: waiting lets some come back.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is ready, then drains: it takes what is queued, lets what is under way
/// end within the drain limit, and returns. Dropped before, it ends at once.
///
/// Must run on a tokio runtime with I/O and time. Each new value of `config` is in force for requests
/// whose head comes after it; the number of workers and the budgets stay as they were at the start.
/// The admin listener answers to the very end.
///
/// # Errors
///
/// When the workers cannot be started or the listeners not be used.
pub async fn serve(
    sockets: Sockets,
    metrics: Arc<Metrics>,
    mut config: watch::Receiver<Arc<Config>>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let gate = Arc::new(Gate::new(config.borrow_and_update().clone(), metrics));
    let door = Arc::new(Door {
        workers: Workers::start(gate.config().workers, &gate)?,
        turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
        gate: Arc::clone(&gate),
    });
    let admin = sockets.admin.map(Listener::start).transpose()?;
    let acceptors: Vec<Arc<Acceptor>> = sockets
        .public
        .into_iter()
        .map(|listener| listener.start().map(Arc::new))
        .collect::<io::Result<_>>()?;
    let mut tasks = JoinSet::new();
    let mut to_the_end = JoinSet::new();
    for acceptor in &acceptors {
        tasks.spawn(accept(Arc::clone(acceptor), Arc::clone(&door)));
    }
    if let Some(acceptor) = admin {
        to_the_end.spawn(admin::serve(acceptor, Arc::clone(&gate)));
    }
    tasks.spawn(tick(Arc::clone(&gate)));
    tasks.spawn(follow(config, Arc::clone(&gate)));

    shutdown.await;
    drain(&gate, &door, tasks, acceptors).await;
    Ok(())
}

/// The sockets of a gate.
#[derive(Debug)]
pub struct Sockets {
    /// Where deliveries come in.
    pub public: Vec<Listener>,
    /// Where operators and their tools ask how it is.
    pub admin: Option<Listener>,
}

/// What the accepting tasks share.
struct Door {
    workers: Workers,
    turned_away: Arc<Semaphore>,
    gate: Arc<Gate>,
}

impl Door {
    fn let_in(&self, incoming: Incoming) {
        if let Some(member) = self.gate.roster.admit() {
            self.workers.serve(incoming, member);
        } else if let Ok(permit) = Arc::clone(&self.turned_away).try_acquire_owned() {
            self.workers.turn_away(incoming, permit);
        }
    }
}

async fn accept(acceptor: Arc<Acceptor>, door: Arc<Door>) {
    let mut failing = false;
    loop {
        match acceptor.accept().await {
            Ok(incoming) => {
                failing = false;
                door.let_in(incoming);
            }
            Err(error) => {
                if !failing {
                    tracing::error!(%error, "no connection can be accepted for now");
                }
                failing = true;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Has the log's throttle begin each second anew.
async fn tick(gate: Arc<Gate>) {
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        gate.throttle.tick();
    }
}

async fn follow(mut config: watch::Receiver<Arc<Config>>, gate: Arc<Gate>) {
    while config.changed().await.is_ok() {
        let new = config.borrow_and_update().clone();
        let secrets: Vec<_> = new.endpoints.iter().map(|one| one.secret_names()).collect();
        gate.reconfigure(new);
        // Only now, so that who reads this line can count on it.
        tracing::info!(secrets = secrets.join("; "), "reloaded; in force from here");
    }
}

async fn drain(gate: &Gate, door: &Door, mut tasks: JoinSet<()>, acceptors: Vec<Arc<Acceptor>>) {
    let clocks = gate.config().clocks.clone();
    gate.advance(Stage::Leaving);
    sleep(clocks.drain_delay).await;
    tasks.shutdown().await;
    // Closing a listening socket resets what waits in its queue: those are deliveries on their way.
    for acceptor in acceptors.into_iter().filter_map(Arc::into_inner) {
        acceptor.take_queued(|incoming| door.let_in(incoming));
    }
    gate.advance(Stage::Closing);
    let begun = Instant::now();
    let ended = timeout(clocks.drain_limit, async {
        while gate.roster.len() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    });
    match ended.await {
        Ok(()) => tracing::info!(ms = begun.elapsed().as_millis(), "drained"),
        Err(_) => tracing::warn!(
            connections = gate.roster.len(),
            "not everything had ended within the drain limit"
        ),
    }
    gate.throttle.tick();
}
