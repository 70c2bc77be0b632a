//! A running gate: its workers, its listeners, and the tasks of its first thread.

use std::{io, sync::Arc, time::Duration};

use tokio::{net::UnixListener, sync::watch, task::JoinSet, time::interval};

use super::{
    alarms, balancer::Balancer, health, profile_keeper, resources::Resources,
    service_manager::ServiceManager, watchdog::watch_threads,
};
use crate::{
    acme::renew,
    admin::{self, Admin, AdminParts, Credentials},
    inbox::{self, dispatcher::Dispatcher, routes::Routes, settings::StoreAddress},
    late,
    net::{
        accept::{self, accept},
        listener::{Acceptor, Incoming, Listener},
    },
    proxy::{
        config::{Config, admin::ConsoleMode, tls::Tls},
        recorder::ticker,
        shared::Shared,
        worker::Workers,
    },
    server::config_follower::ConfigFollower,
};

/// A gate that serves. Its tasks end when it is dropped.
pub(super) struct Running {
    pub(super) gate: Arc<Shared>,
    pub(super) balancer: Arc<Balancer>,
    pub(super) dispatcher: Option<Arc<Dispatcher>>,
    pub(super) manager: ServiceManager,
    pub(super) acceptors: Vec<Arc<Acceptor>>,
    /// Tasks that end when the drain begins.
    pub(super) tasks: JoinSet<()>,
    /// Tasks that run until the drain has ended. One of them is the watchdog, because a drain may
    /// last longer than the service manager waits for a sign of life.
    pub(super) tasks_until_end: JoinSet<()>,
}

impl Running {
    /// Starts the workers, the dispatcher and the listeners, and reports to the service manager.
    pub(super) fn start(
        resources: Resources,
        mut config: watch::Receiver<Arc<Config>>,
    ) -> io::Result<Self> {
        let first = config.borrow_and_update().clone();
        let gate = Arc::new(Shared::new(first, resources.metrics, resources.inbox)?);
        let workers = Workers::start(gate.config().workers, &gate)?;
        let (routes, followed) = watch::channel(Arc::new(gate.config().routes()));
        let dispatcher = gate
            .inbox
            .as_ref()
            .map(|inbox| Dispatcher::start(followed.clone(), inbox))
            .transpose()?;
        let mut running = Self {
            balancer: Arc::new(Balancer::new(workers, Arc::clone(&gate))),
            gate,
            dispatcher: dispatcher.map(Arc::new),
            manager: resources.manager,
            acceptors: Vec::new(),
            tasks: JoinSet::new(),
            tasks_until_end: JoinSet::new(),
        };
        let credentials = match resources.credentials {
            Some(credentials) => credentials,
            None => Arc::new(Credentials::random()?),
        };
        let addresses = resources.admin.iter().filter_map(Listener::tcp_address);
        let admin = Admin::new(AdminParts {
            gate: Arc::clone(&running.gate),
            routes: followed.clone(),
            reloads: resources.reloads.clone(),
            front_door: Arc::clone(&running.balancer) as _,
            credentials,
            addresses: addresses.collect(),
            public: resources.public.iter().map(Listener::address).collect(),
        });
        let has_entrance = !resources.admin.is_empty() || has_socket(&running.gate);
        let admin_acceptors = start_all(resources.admin)?;
        running.acceptors = start_all(resources.public)?
            .into_iter()
            .map(Arc::new)
            .collect();
        running.spawn_socket(&admin)?;
        running.spawn_accepts();
        running.spawn_admin(admin_acceptors, &admin);
        running.spawn_timers();
        running.spawn_signs_of_life(resources.health);
        running.spawn_recorder(&admin, has_entrance);
        // The routes change with each configuration.
        let late = late::deliver(Arc::clone(&running.gate), followed);
        running.tasks_until_end.spawn(late);
        running.follow(config, routes, resources.reloads);
        running.manager.ready("serving");
        Ok(running)
    }

    fn spawn_accepts(&mut self) {
        for acceptor in &self.acceptors {
            let (acceptor, handler) = (Arc::clone(acceptor), Public(Arc::clone(&self.balancer)));
            self.tasks
                .spawn(async move { accept(&acceptor, handler).await });
        }
    }

    fn spawn_admin(&mut self, acceptors: Vec<Acceptor>, admin: &Arc<Admin>) {
        for acceptor in acceptors {
            let admin = Arc::clone(admin);
            self.tasks_until_end.spawn(admin::serve(acceptor, admin));
        }
    }

    /// Serves the API beside an SQLite file, too, which only this process may open. Commands open
    /// PostgreSQL themselves.
    fn spawn_socket(&mut self, admin: &Arc<Admin>) -> io::Result<()> {
        let Some(inbox) = &self.gate.inbox else {
            return Ok(());
        };
        if let StoreAddress::Sqlite(file) = &inbox.settings.store {
            let acceptor = inbox::socket::bind(file)?.start()?;
            self.spawn_admin(vec![acceptor], admin);
        }
        Ok(())
    }

    /// Starts the tasks that serve those who watch the gate. Arms the recorder for the first minute
    /// if they have a console and a way to it.
    fn spawn_recorder(&mut self, admin: &Arc<Admin>, has_entrance: bool) {
        let gate = &self.gate;
        if has_entrance && gate.with_config(|config| config.admin.console != ConsoleMode::Off) {
            gate.recorder.look();
        }
        let ticker = ticker::run(Arc::clone(&self.gate));
        self.tasks_until_end.spawn(ticker);
        self.tasks_until_end
            .spawn(admin::send_reports(Arc::clone(admin)));
    }

    fn spawn_timers(&mut self) {
        self.tasks.spawn(tick(Arc::clone(&self.gate)));
        let profiles = profile_keeper::keep(Arc::clone(&self.gate));
        self.tasks.spawn(profiles);
        self.tasks.spawn(alarms::watch(Arc::clone(&self.gate)));
    }

    /// Starts the tasks that report whether all threads respond: to the service manager, and at the
    /// health socket.
    fn spawn_signs_of_life(&mut self, socket: Option<UnixListener>) {
        let (balancer, dispatcher) = (Arc::clone(&self.balancer), self.dispatcher.clone());
        let responds = move || {
            let (balancer, dispatcher) = (Arc::clone(&balancer), dispatcher.clone());
            async move {
                balancer.workers.ping().await
                    && match dispatcher {
                        Some(dispatcher) => dispatcher.ping().await,
                        None => true,
                    }
            }
        };
        let watchdog = watch_threads(self.manager.clone(), responds.clone());
        self.tasks_until_end.spawn(watchdog);
        if let Some(socket) = socket {
            let report = health::report(socket, Arc::clone(&self.gate), responds);
            self.tasks_until_end.spawn(report);
        }
    }

    fn follow(
        &mut self,
        config: watch::Receiver<Arc<Config>>,
        routes: watch::Sender<Arc<Routes>>,
        reloads: Option<admin::ReloadHandle>,
    ) {
        let wanted = self
            .gate
            .with_config(|config| config.tls.as_ref().and_then(Tls::acme).cloned());
        let (acme, wanted) = watch::channel(wanted);
        self.tasks.spawn(renew(Arc::clone(&self.gate.acme), wanted));
        let follower = ConfigFollower {
            gate: Arc::clone(&self.gate),
            routes,
            acme,
            reloads,
            manager: self.manager.clone(),
        };
        self.tasks.spawn(follower.run(config));
    }
}

/// Whether operators reach the gate through a socket beside its inbox.
fn has_socket(gate: &Shared) -> bool {
    let inbox = gate.inbox.as_ref();
    inbox.is_some_and(|inbox| matches!(inbox.settings.store, StoreAddress::Sqlite(_)))
}

fn start_all(listeners: Vec<Listener>) -> io::Result<Vec<Acceptor>> {
    listeners.into_iter().map(Listener::start).collect()
}

/// Passes the connections of the public listeners to the workers.
struct Public(Arc<Balancer>);

impl accept::Handler for Public {
    const LISTENER: &'static str = "public";

    async fn handle(&mut self, incoming: Incoming) {
        self.0.assign(incoming);
    }
}

/// Resets the log's throttle each second.
async fn tick(gate: Arc<Shared>) {
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        gate.throttle.tick();
    }
}
