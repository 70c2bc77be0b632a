//! One run of a gate: its inbox, its dispatcher, its clients, and the tasks that stand for the
//! threads of its store.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};

use super::{
    app::connector,
    ledger::GateId,
    plan::Plan,
    planted::PlantedStore,
    store::{commit, read},
    world::World,
};
use crate::{
    delivery::header_changes::HeaderChanges,
    destination::{Destination, Settings as DestinationSettings, meter::DestinationMeter},
    inbox::{
        Inbox, Queue, Settings,
        attempt_history::AttemptHistory,
        dispatcher::Dispatcher,
        meter::InboxMeter,
        operations::{Destinations, Jobs, Operations},
        routes::{Route, RoutedQueue, Routes},
        settings::StoreAddress,
        store::{Store, StoreMeter, sqlite::simulated},
    },
    runtime::clock::Clock,
};

/// The endpoints of events. The first one has the destinations, which get the events of both.
pub(super) const ENDPOINTS: [&str; 2] = ["orders", "carts"];

/// A running gate. If it is dropped, it ends as a killed process does: at any await point.
pub(super) struct Gate {
    pub(super) id: GateId,
    /// The number of its machine.
    pub(super) machine: usize,
    pub(super) clock: Clock,
    pub(super) inbox: Arc<Inbox>,
    pub(super) jobs: Arc<Jobs>,
    /// The names of its destinations.
    pub(super) configured: Vec<Arc<str>>,
    routes: watch::Sender<Arc<Routes>>,
    dispatcher: Dispatcher,
    world: Arc<World>,
    _tasks: JoinSet<()>,
    clients: JoinSet<()>,
}

impl Gate {
    /// Starts a gate with these destinations.
    pub(super) fn start(
        world: &Arc<World>,
        id: GateId,
        machine: usize,
        configured: &[Arc<str>],
    ) -> Self {
        let clock = world.clocks[machine].clone();
        let mut tasks = JoinSet::new();
        if world.plan.gates == 1 {
            let database = world.database();
            database.end_leases(clock.now());
            world.observe(database.connection(), None);
        }
        let inbox = Arc::new(Inbox {
            store: open_store(world, id, &mut tasks),
            sealer: world.sealer.clone(),
            meter: Arc::new(InboxMeter::new(Arc::new(StoreMeter::default()))),
            attempts: AttemptHistory::default(),
            settings: Settings {
                limits: world.plan.limits,
                retain: world.plan.retain,
                ..Settings::new(StoreAddress::Sqlite("simulated".into()))
            },
        });
        let (routes, followed) = watch::channel(routes(world, id, configured));
        let destinations = Destinations::InForce(followed.clone());
        let operations = Operations::new(Arc::clone(&inbox), destinations);
        let (dispatcher, work) = Dispatcher::simulated(followed, &inbox, clock.clone());
        tasks.spawn(work);
        world.note(format_args!(
            "gate {id} starts on machine {machine} with {configured:?}"
        ));
        Self {
            id,
            machine,
            jobs: Arc::new(Jobs::with_clock(operations, clock.clone())),
            clock,
            inbox,
            configured: configured.to_vec(),
            routes,
            dispatcher,
            world: Arc::clone(world),
            _tasks: tasks,
            clients: JoinSet::new(),
        }
    }

    /// Puts other destinations in force.
    pub(super) fn reload(&mut self, configured: &[Arc<str>]) {
        self.world
            .note(format_args!("gate {} reloads {configured:?}", self.id));
        self.configured = configured.to_vec();
        let routes = routes(&self.world, self.id, configured);
        self.routes.send_replace(routes);
    }

    /// Returns what wakes the queues of the configuration in force.
    pub(super) fn waker(&self) -> impl Fn() + Send + use<> {
        let routes = self.routes.subscribe();
        move || {
            let routes = Arc::clone(&routes.borrow());
            routes.queues().for_each(|own| own.queue.work.notify_one());
        }
    }

    /// Runs the work of a client, which a crash of the gate ends.
    pub(super) fn serve(&mut self, client: impl Future<Output = ()> + Send + 'static) {
        while self.clients.try_join_next().is_some() {}
        self.clients.spawn(client);
    }

    /// Stops the gate as SIGTERM does: its attempts end first.
    pub(super) async fn drain(mut self) {
        self.world.note(format_args!("gate {} drains", self.id));
        let drained = tokio::time::timeout(Duration::from_secs(90), self.dispatcher.drain()).await;
        self.world.note(format_args!(
            "gate {} drained: {}",
            self.id,
            drained.is_ok()
        ));
        // The server lets open requests end before it closes the store.
        while self.clients.join_next().await.is_some() {}
    }

    /// Kills the gate.
    pub(super) fn crash(self) {
        self.world.note(format_args!("gate {} crashes", self.id));
    }
}

fn open_store(world: &Arc<World>, id: GateId, tasks: &mut JoinSet<()>) -> Arc<dyn Store> {
    let failure = Arc::new(OnceLock::new());
    let (store, work) = simulated::open(world.store_clock.clone(), Arc::clone(&failure));
    tasks.spawn(commit(Arc::clone(world), id, failure, work.writes));
    for waiting in work.reads {
        tasks.spawn(read(Arc::clone(world), id, waiting));
    }
    match world.bug {
        Some(bug) => Arc::new(PlantedStore {
            store,
            world: Arc::clone(world),
            bug,
            firsts: world.firsts.clone(),
        }),
        None => store,
    }
}

/// Returns routes to these destinations, with settings at random.
fn routes(world: &Arc<World>, id: GateId, configured: &[Arc<str>]) -> Arc<Routes> {
    let queues = configured.iter().map(|name| {
        let mut random = world.random();
        let settings = DestinationSettings {
            response_timeout: Duration::from_secs(random.between(5, 20)),
            ..DestinationSettings::default()
        };
        let destination = Destination::simulated(name, settings, connector(world, id, name));
        let queue = Queue {
            schedule: Plan::schedule(&mut random),
            concurrency: usize::try_from(random.between(1, 4)).expect("a small number"),
            timeout: Duration::from_secs(random.between(5, 15)),
            ..Queue::new(Arc::new(destination))
        };
        RoutedQueue {
            meter: Arc::new(DestinationMeter::new(name)),
            queue: Arc::new(queue),
        }
    });
    let route = |endpoint: &str, queues| Route {
        endpoint: endpoint.into(),
        headers: HeaderChanges::default(),
        queues,
    };
    let [first, second] = ENDPOINTS;
    let routes = [route(first, queues.collect()), route(second, Vec::new())];
    Arc::new(Routes::from_iter(routes))
}
