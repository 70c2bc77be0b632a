//! Runs a gate: starts its workers, accepts connections and hands each to the worker that has the
//! fewest, takes up changed configuration, and ends in order. The caller owns sockets, configuration
//! and the signal to stop, so the binary and the tests run the very same thing.

use std::{collections::BTreeSet, future::Future, io, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    admin,
    inbox::{Inbox, control, dispatcher::Dispatcher, settings::StoreAddress},
    net::listener::{Acceptor, Incoming, Listener},
    proxy::{
        admission::Holder,
        config::Config,
        meters::Metrics,
        shared::{Gate, Stage},
        worker::Workers,
    },
    rejected::Keeper,
    server::service_manager::ServiceManager,
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
/// When the workers or the inbox's dispatcher cannot be started, the listeners not be used, or refused deliveries not be kept.
pub async fn serve(
    surroundings: Surroundings,
    mut config: watch::Receiver<Arc<Config>>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let Surroundings {
        public,
        admin,
        metrics,
        manager,
        inbox,
        reloads,
    } = surroundings;
    let gate = Arc::new(Gate::new(
        config.borrow_and_update().clone(),
        metrics,
        inbox,
    )?);
    let door = Arc::new(Door {
        workers: Workers::start(gate.config().workers, &gate)?,
        turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
        gate: Arc::clone(&gate),
    });
    let inbox = gate.inbox.as_ref();
    let dispatcher = inbox.map(|inbox| Dispatcher::start(&gate, inbox));
    let dispatcher = dispatcher.transpose()?.map(Arc::new);
    let admin: Vec<Acceptor> = admin
        .into_iter()
        .map(Listener::start)
        .collect::<io::Result<_>>()?;
    let acceptors: Vec<Arc<Acceptor>> = public
        .into_iter()
        .map(|listener| listener.start().map(Arc::new))
        .collect::<io::Result<_>>()?;
    let mut tasks = JoinSet::new();
    let mut to_the_end = JoinSet::new();
    for acceptor in &acceptors {
        tasks.spawn(accept(Arc::clone(acceptor), Arc::clone(&door)));
    }
    let operators = admin::Shared::new(Arc::clone(&gate), reloads.clone());
    for acceptor in admin {
        to_the_end.spawn(admin::serve(acceptor, Arc::clone(&operators)));
    }
    if let Some((acceptor, inbox)) = orders(&gate)? {
        to_the_end.spawn(control::server::serve(acceptor, inbox, Arc::clone(&gate)));
    }
    tasks.spawn(tick(Arc::clone(&gate)));
    let followers = (Arc::clone(&gate), dispatcher.clone(), reloads);
    tasks.spawn(follow(config, followers, manager.clone()));
    // Not one of the tasks that end when the drain begins: a drain may last longer than patience does.
    let mut watchdog = JoinSet::new();
    let asked = (Arc::clone(&door), dispatcher.clone());
    watchdog.spawn(watch(manager.clone(), move || {
        let (door, dispatcher) = asked.clone();
        async move {
            door.workers.answer().await
                && match &dispatcher {
                    Some(dispatcher) => dispatcher.answer().await,
                    None => true,
                }
        }
    }));
    manager.ready("serving");

    shutdown.await;
    manager.stopping();
    drain(&gate, &door, dispatcher.as_deref(), tasks, acceptors).await;
    Ok(())
}

/// Where operators give orders for the inbox: beside the file of its store. Of PostgreSQL, whoever may open it needs no gate.
fn orders(gate: &Gate) -> io::Result<Option<(Acceptor, Arc<Inbox>)>> {
    let Some(inbox) = &gate.inbox else {
        return Ok(None);
    };
    let StoreAddress::Sqlite(file) = &inbox.settings.store else {
        return Ok(None);
    };
    let acceptor = control::server::bind(file)?.start()?;
    Ok(Some((acceptor, Arc::clone(inbox))))
}

/// What a gate stands in: all of it is the caller's, and stays the same from the start to the end.
#[derive(Debug)]
pub struct Surroundings {
    /// Where deliveries come in.
    pub public: Vec<Listener>,
    /// Where operators and their tools ask how it is.
    pub admin: Vec<Listener>,
    /// Where it counts what becomes of requests.
    pub metrics: Arc<Metrics>,
    /// Who started it, if they want to hear how it is.
    pub manager: ServiceManager,
    /// Where the deliveries of durable endpoints are kept.
    pub inbox: Option<Arc<Inbox>>,
    /// Takes requests for a reload, and hears when its configuration is in force.
    pub reloads: Option<admin::ReloadHandle>,
}

impl Surroundings {
    /// These sockets, and nobody who asks or wants to hear.
    #[must_use]
    pub fn listening(public: Vec<Listener>) -> Self {
        Self {
            public,
            admin: Vec::new(),
            metrics: Arc::default(),
            manager: ServiceManager::default(),
            inbox: None,
            reloads: None,
        }
    }
}

/// What the accepting tasks share.
struct Door {
    workers: Workers,
    turned_away: Arc<Semaphore>,
    gate: Arc<Gate>,
}

impl Door {
    fn let_in(&self, incoming: Incoming) {
        let (holder, rate) = self.gate.with_config(|config| {
            let holder = Holder::of(&incoming.peer, &config.trusted_hops);
            (holder, config.clocks.body_rate)
        });
        if let Some(member) = self.gate.roster.admit(holder, rate) {
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

/// Tells the service manager that the gate lives for as long as all of its threads do: this one, which
/// accepts, and the workers and the inbox's dispatcher, which are asked each time. Were one to hang for good, its connections
/// would get no answer, or stored events no delivery, until a new start.
async fn watch<A>(manager: ServiceManager, threads_answer: impl Fn() -> A)
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
        if !threads_answer().await {
            break;
        }
        manager.alive();
    }
    tracing::error!(
        "a worker or the inbox's dispatcher has ended: the service manager is no longer told that the gate lives"
    );
}

async fn follow(
    mut config: watch::Receiver<Arc<Config>>,
    (gate, dispatcher, reloads): (
        Arc<Gate>,
        Option<Arc<Dispatcher>>,
        Option<admin::ReloadHandle>,
    ),
    manager: ServiceManager,
) {
    while config.changed().await.is_ok() {
        let new = config.borrow_and_update().clone();
        let secrets: BTreeSet<_> = new
            .endpoints
            .iter()
            .flat_map(|one| one.policy.keyring().names().map(ToString::to_string))
            .collect();
        let secrets: Vec<_> = secrets.into_iter().collect();
        let endpoints = new.endpoints.iter().count();
        gate.reconfigure(new);
        if let Some(dispatcher) = &dispatcher {
            dispatcher.reconfigured();
        }
        // Only now, so that who reads this line can count on it.
        tracing::info!(
            endpoints,
            secrets = secrets.join(", "),
            "reloaded; in force from here"
        );
        manager.ready("serving; reloaded");
        if let Some(reloads) = &reloads {
            reloads.is_in_force();
        }
    }
}

async fn drain(
    gate: &Gate,
    door: &Door,
    dispatcher: Option<&Dispatcher>,
    mut tasks: JoinSet<()>,
    acceptors: Vec<Arc<Acceptor>>,
) {
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
        if let Some(dispatcher) = dispatcher {
            dispatcher.drain().await;
        }
        while gate.roster.len() > 0 || gate.keeper.as_ref().is_some_and(Keeper::is_busy) {
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

#[cfg(test)]
mod tests {
    use super::*;

    use std::{future::pending, os::unix::net::UnixDatagram};

    /// How many signs of life a service manager hears in five periods.
    async fn signs<A: Future<Output = bool>>(threads_answer: impl Fn() -> A) -> usize {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("bound");
        socket.set_nonblocking(true).expect("set");
        let manager = ServiceManager::at(&path, Some(Duration::from_secs(2)));
        let watching = watch(manager.expect("it listens"), threads_answer);
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
