//! A gate in this process, on its own thread and port. It ends at once when it is dropped.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use cartgate::{
    Resources,
    admin::Credentials,
    delivery::header_changes::HeaderChanges,
    destination::{Destination, Settings},
    endpoint::{Durable, Endpoint, Endpoints, PathRule, Query, Target},
    inbox::{Inbox, Queue, settings::StoreAddress},
    net::{
        listener::{ListenAddress, Listener},
        trusted_hops::TrustedHops,
    },
    proxy::{config::Config, meters::Metrics},
};
use tokio::sync::{oneshot, watch};
use tower_cartgate::{Keyring, Policy, Secret, SecretName};

use super::{App, Client, SECRET};

/// The parts of a gate. Tests change the fields that they are about.
pub(crate) struct Setup {
    pub(crate) listen: ListenAddress,
    pub(crate) admin: Option<ListenAddress>,
    pub(crate) upstream: String,
    pub(crate) path: PathRule,
    pub(crate) query: Query,
    pub(crate) headers: HeaderChanges,
    pub(crate) settings: Settings,
    /// Changes the policy with which every gate of these tests begins.
    pub(crate) policy: Box<dyn Fn(Policy) -> Policy>,
    /// Changes the queue of a durable gate. A gate is durable if its configuration has an inbox.
    pub(crate) queue: Box<dyn Fn(&mut Queue)>,
    /// For a gate with an inbox that is not durable itself: the destinations of a durable endpoint
    /// at `/kept`, none of which listens.
    pub(crate) kept_for: Vec<&'static str>,
    /// Whether the gate only responds with verdicts.
    pub(crate) verdict: bool,
    pub(crate) config: Config,
}

/// A running gate.
pub(crate) struct Gate {
    pub(crate) listen: ListenAddress,
    admin: Option<ListenAddress>,
    credentials: Arc<Credentials>,
    pub(crate) metrics: Arc<Metrics>,
    stop: Option<oneshot::Sender<()>>,
    kill: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    /// Puts another configuration in force.
    pub(crate) config: watch::Sender<Arc<Config>>,
}

/// The names and bytes of an endpoint's secrets.
pub(crate) type Secrets<'a> = [(&'a str, &'a [u8])];

impl Setup {
    /// Returns a gate in front of `app` with all defaults, on two workers.
    pub(crate) fn before(app: &App) -> Self {
        Self::at(&app.url)
    }

    /// Returns a gate in front of `upstream`.
    pub(crate) fn at(upstream: &str) -> Self {
        let mut config = Config::new(Endpoints::new(Vec::new()));
        config.workers = 2;
        config.trusted_hops = TrustedHops::default();
        Self {
            listen: "127.0.0.1:0".parse().expect("an address"),
            admin: None,
            upstream: upstream.to_owned(),
            path: PathRule::All,
            query: Query::default(),
            headers: HeaderChanges::default(),
            settings: Settings::default(),
            policy: Box::new(|policy| policy),
            queue: Box::new(|_| {}),
            kept_for: Vec::new(),
            verdict: false,
            config,
        }
    }

    /// Returns a gate in front of `app` that first stores its events in a new SQLite file in this
    /// directory.
    pub(crate) fn durable(app: &App, dir: &Path) -> Self {
        let store = StoreAddress::Sqlite(dir.join("inbox.db"));
        Self::before(app).with(|setup| {
            setup.config.inbox = Some(cartgate::inbox::Settings::new(store));
        })
    }

    /// Returns the setup with a change.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Returns the configuration with these secrets.
    pub(crate) fn config(&self, secrets: &Secrets<'_>) -> Arc<Config> {
        let named: Vec<(SecretName, Secret)> = secrets
            .iter()
            .map(|(name, bytes)| {
                (
                    name.parse().expect("a name"),
                    Secret::new(*bytes).expect("a secret"),
                )
            })
            .collect();
        let keyring = Keyring::new(named.iter().cloned()).expect("a keyring");
        let upstream = self.upstream.parse().expect("an address");
        let destination =
            Destination::new("app", upstream, self.settings.clone(), self.config.workers);
        let destination = Arc::new(destination.expect("a destination"));
        let own = |name: &'static str, path| Endpoint {
            query: self.query,
            headers: self.headers.clone(),
            ..Endpoint::new(
                name,
                path,
                (self.policy)(Policy::new(keyring.clone())),
                named.clone(),
                Arc::clone(&destination),
            )
        };
        let mut endpoint = own("hooks", self.path.clone());
        let mut further = Vec::new();
        if self.verdict {
            endpoint.target = Target::Verdict;
        }
        if !self.kept_for.is_empty() {
            let nobodies = self.kept_for.iter().map(|name| self.nobody(name)).collect();
            let mut kept = own("kept", "/kept".parse().expect("a path"));
            kept.target = self.durably(nobodies);
            further.push(kept);
        } else if self.config.inbox.is_some() {
            endpoint.target = self.durably(vec![Arc::clone(&destination)]);
        }
        further.push(endpoint);
        self.config.with_endpoints(Endpoints::new(further))
    }

    fn nobody(&self, name: &str) -> Arc<Destination> {
        let nobody = "http://127.0.0.1:1".parse().expect("an address");
        let settings = self.settings.clone();
        let destination = Destination::new(name, nobody, settings, self.config.workers);
        Arc::new(destination.expect("a destination"))
    }

    fn durably(&self, destinations: Vec<Arc<Destination>>) -> Target {
        let queues = destinations.into_iter().map(|destination| {
            let mut queue = Queue::new(destination);
            (self.queue)(&mut queue);
            Arc::new(queue)
        });
        Target::Durable(Durable {
            queues: queues.collect(),
            permitted: Vec::new(),
            unique: None,
        })
    }

    /// Starts the gate.
    pub(crate) fn start(self) -> Gate {
        let config = self.config(&[("current", SECRET)]);
        let listener = Listener::bind(&self.listen).expect("bound");
        let listen = listener.address();
        let bind = |address| Listener::bind(address).expect("bound");
        let admin = self.admin.as_ref().map(bind);
        let admin_address = admin.as_ref().map(Listener::address);
        let inbox = config.inbox.clone();
        let credentials = Arc::new(Credentials::random().expect("randomness"));
        let mut resources = Resources {
            admin: admin.into_iter().collect(),
            credentials: Some(Arc::clone(&credentials)),
            ..Resources::with_listeners(vec![listener])
        };
        let metrics = Arc::clone(&resources.metrics);
        let (config, receiver) = watch::channel(config);
        let (stop, stopped) = oneshot::channel::<()>();
        let (kill, killed) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                if let Some(settings) = inbox {
                    let opened = Inbox::open(settings).await.map_err(io::Error::other)?;
                    resources.inbox = Some(Arc::new(opened));
                }
                let shutdown = async {
                    // A gate whose handle is dropped ends at once, without a drain.
                    if stopped.await.is_err() {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    ended = cartgate::serve(resources, receiver, shutdown) => ended,
                    _ = killed => Ok(()),
                }
            })
        });
        let (stop, kill) = (Some(stop), Some(kill));
        Gate {
            listen,
            admin: admin_address,
            credentials,
            metrics,
            stop,
            kill,
            thread: Some(thread),
            config,
        }
    }
}

impl Gate {
    /// Starts a gate in front of `app` with all defaults.
    pub(crate) fn before(app: &App) -> Self {
        Setup::before(app).start()
    }

    /// Returns its address.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.listen {
            ListenAddress::Tcp(address) => address.parse().expect("an address"),
            other => panic!("it listens on {other}"),
        }
    }

    /// Returns the address of its admin listener.
    pub(crate) fn admin(&self) -> &ListenAddress {
        self.admin.as_ref().expect("it has an admin listener")
    }

    /// Returns the token of its admin listener.
    pub(crate) fn token(&self) -> String {
        let config = self.config.borrow();
        let own = self.credentials.own_token();
        let token = config.admin.token.as_ref().unwrap_or(own).expose();
        String::from_utf8(token.to_vec()).expect("text")
    }

    /// Opens a connection.
    pub(crate) fn client(&self) -> Client {
        match &self.listen {
            ListenAddress::Tcp(_) => Client::tcp(self.address()),
            ListenAddress::Unix(path) => Client::unix(path),
            ListenAddress::Systemd(_) => panic!("nothing is inherited here"),
        }
    }

    /// Requests a drain.
    pub(crate) fn stop(&mut self) {
        let stop = self.stop.take().expect("asked once");
        stop.send(()).expect("it runs");
    }

    /// Waits for its end.
    pub(crate) fn join(mut self) {
        let thread = self.thread.take().expect("joined once");
        thread.join().expect("no panic").expect("no error");
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        drop(self.kill.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
