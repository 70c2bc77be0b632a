//! `cartgate serve`: binds, says what it protects, and runs the gate until a signal ends it.

use std::{future::pending, io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::spawn_blocking,
    time::timeout,
};

use super::{Failure, Outcome, output};
use crate::{
    cli::{ServeArgs, unknown_variables},
    config::{Config, Finding, Limits, Plan, Source},
    endpoint::Endpoint,
    files,
    inherited::Inherited,
    listener::{ListenAddress, Listener},
    log::Log,
    service_manager::ServiceManager,
};

/// How long reading everything again may take.
const RELOAD: Duration = Duration::from_secs(5);

pub(super) fn run(args: &ServeArgs) -> Result<Outcome, Failure> {
    let source = Source::of(args);
    let plan = source.plan().map_err(mistakes)?;
    let loaded = source.load(&plan).map_err(mistakes)?;
    let listeners = bind(&plan.server.listen)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::no)?;
    let log = Log::start(plan.log.format, plan.log.level);
    let ended = runtime.block_on(async {
        // Before the gate says that it is there: a signal without its handler ends the process.
        let signals = Signals::install().map_err(Failure::no)?;
        announce(&listeners, &loaded.config);
        warn(&source, &loaded.warnings);
        let config = within_files(loaded.config);
        let running = Running { source, plan };
        for line in unknown_variables(&running.plan.variables()) {
            tracing::warn!("{line}");
        }
        tokio::select! {
            ended = serve(listeners, config, running, signals) => ended.map_err(Failure::no),
            () = log.report_dropped_lines() => Ok(()),
        }
    });
    // A secret's file that never ends being read must not keep the process.
    runtime.shutdown_background();
    ended.map(|()| Outcome::Done)
}

/// Every mistake on a line of its own; the last one ends the command.
pub(super) fn mistakes(mut lines: Vec<String>) -> Failure {
    let last = lines.pop().unwrap_or_default();
    for line in lines {
        output::message(format_args!("cartgate: {line}"));
    }
    Failure::usage(last)
}

fn bind(addresses: &[ListenAddress]) -> Result<Vec<Listener>, Failure> {
    let mut inherited = inherited(addresses)?;
    let mut listeners = Vec::new();
    for address in addresses {
        let opened = Listener::open(address, &mut inherited).map_err(|error| {
            Failure::usage(format_args!("cannot listen on {address}: {}", why(&error)))
        })?;
        listeners.extend(opened);
    }
    Ok(listeners)
}

/// What systemd handed over, where an address asks for it.
fn inherited(addresses: &[ListenAddress]) -> Result<Inherited, Failure> {
    let is_asked_for = |address: &ListenAddress| matches!(address, ListenAddress::Systemd(_));
    if !addresses.iter().any(is_asked_for) {
        return Ok(Inherited::default());
    }
    Inherited::take().map_err(Failure::usage)
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the address is in use, perhaps by another gate".to_owned(),
        io::ErrorKind::PermissionDenied => format!("{error} (ports below 1024 need a privilege)"),
        _ => error.to_string(),
    }
}

/// The configuration of the start, with whoever started the gate to be told how it is.
fn with_manager(mut config: Arc<Config>) -> Arc<Config> {
    match ServiceManager::from_environment() {
        Ok(manager) => Arc::make_mut(&mut config).service_manager = manager,
        Err(error) => tracing::warn!(%error, "the service manager cannot be reached"),
    }
    config
}

/// The configuration with no more connections than there are files for; budgets are those of the
/// start, so a reload need not ask again.
fn within_files(mut config: Config) -> Arc<Config> {
    let asked = config.limits.connections;
    let connections = files::connections(asked);
    if connections < asked {
        let why = "the limit of open files (ulimit -n) allows no more connections";
        if asked == Limits::default().connections {
            tracing::info!(connections, "{why}");
        } else {
            tracing::warn!(connections, asked, "{why}");
        }
        config.limits.connections = connections;
    }
    Arc::new(config)
}

/// What a reload goes by: where the configuration is written, and the plan whose sockets and sizes are in use.
struct Running {
    source: Source,
    plan: Plan,
}

/// What a gate listens to beside its sockets.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

async fn serve(
    listeners: Vec<Listener>,
    config: Arc<Config>,
    running: Running,
    signals: Signals,
) -> io::Result<()> {
    let Signals {
        mut terminate,
        mut interrupt,
        hangup,
    } = signals;
    let config = with_manager(config);
    let manager = config.service_manager.clone();
    let (sender, config) = watch::channel(config);
    let (asked, mut stop) = watch::channel(false);
    let shutdown = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    tokio::select! {
        ended = crate::serve(listeners, config, shutdown) => ended,
        () = stop_twice(&mut terminate, &mut interrupt, &asked) => {
            tracing::warn!("ended at once by a second signal");
            Ok(())
        }
        () = reload(hangup, Arc::new(running), &sender, &manager) => Ok(()),
    }
}

/// The first signal asks for a drain; ready at the second.
async fn stop_twice(terminate: &mut Signal, interrupt: &mut Signal, asked: &watch::Sender<bool>) {
    for _ in 0..2 {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if !asked.send_replace(true) {
            tracing::info!("draining; a second signal ends at once");
        }
    }
}

/// Reads everything again at each `SIGHUP`. What cannot be used leaves the old in force.
async fn reload(
    mut hangup: Signal,
    running: Arc<Running>,
    config: &watch::Sender<Arc<Config>>,
    manager: &ServiceManager,
) {
    while hangup.recv().await.is_some() {
        manager.reloading();
        // Not on this thread, which accepts and hears signals: a file may be a pipe that nobody
        // writes to, or on a machine that is gone.
        let reading = Arc::clone(&running);
        let reading = spawn_blocking(move || reading.read_again());
        let lines = match timeout(RELOAD, reading).await {
            Ok(Ok(Ok(new))) => {
                config.send_replace(new);
                continue;
            }
            Ok(Ok(Err(lines))) => lines,
            Ok(Err(error)) => vec![error.to_string()],
            Err(_) => vec!["what the configuration names could not be read in time".to_owned()],
        };
        for error in lines {
            tracing::error!(%error, "the configuration and the secrets in force stay");
        }
        manager.ready("serving; the last reload failed, and what was in force stays");
    }
    pending::<()>().await;
}

impl Running {
    fn read_again(&self) -> Result<Arc<Config>, Vec<String>> {
        let plan = self.source.plan()?;
        let loaded = self.source.load(&plan)?;
        warn(&self.source, &loaded.warnings);
        for key in plan.needs_restart(&self.plan) {
            tracing::warn!(key, "a change of this is taken up only by a restart");
        }
        Ok(Arc::new(loaded.config))
    }
}

/// The start: what is protected, where it goes, and by which secrets.
fn announce(listeners: &[Listener], config: &Config) {
    let addresses: Vec<_> = listeners
        .iter()
        .map(|one| one.address().to_string())
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    for endpoint in config.endpoints.iter() {
        tracing::info!(
            version,
            listen = addresses.join(", "),
            endpoint = &*endpoint.name,
            mapping = %mapping(endpoint),
            secrets = endpoint.secret_names(),
            header = %endpoint.policy.header_name(),
            workers = config.workers,
            "protecting"
        );
    }
    for (secret, endpoints) in config.endpoints.sharing() {
        tracing::info!(
            %secret,
            endpoints = endpoints.join(", "),
            "these accept each other's captured deliveries, since they share a secret; `only` binds one to its kind"
        );
    }
}

fn warn(source: &Source, warnings: &[Finding]) {
    for warning in warnings {
        tracing::warn!("{}", source.line(warning));
    }
}

/// `/hooks -> http://app/other`: where which path goes.
fn mapping(endpoint: &Endpoint) -> String {
    let address = endpoint.destination.address();
    let host = endpoint.host.as_ref().map(ToString::to_string);
    let path = format!("{}{}", host.unwrap_or_default(), endpoint.path);
    match address.target() {
        Some(_) => format!("{path} -> {address}"),
        None => format!("{path} -> {address}{}", endpoint.path),
    }
}
