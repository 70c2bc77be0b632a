//! `cartgate serve`: binds, says what it protects, and runs the gate until a signal ends it.

use std::{fmt, future::pending, io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::spawn_blocking,
    time::timeout,
};

use super::{Failure, Outcome, output};
use crate::{
    Sockets,
    cli::ServeArgs,
    config::{Config, ConfigError, Limits, Resolved},
    endpoint::{Endpoint, PathRule},
    files,
    listener::{ListenAddress, Listener},
    log::Log,
    metrics::Metrics,
    secret_source::Warning,
};

/// How long reading the secrets again may take.
const RELOAD: Duration = Duration::from_secs(5);

pub(super) fn run(args: &ServeArgs) -> Result<Outcome, Failure> {
    let (resolved, warnings) = Resolved::new(args).map_err(|errors| mistakes(&errors))?;
    let listeners = bind(&args.listen)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::no)?;
    let log = Log::start(args.process.log_format, args.process.log_level);
    let ended = runtime.block_on(async {
        // Before the gate says that it is there: a signal without its handler ends the process.
        let signals = Signals::install().map_err(Failure::no)?;
        announce(&listeners, &resolved.config(), &warnings, args);
        let metrics = Arc::new(Metrics::default());
        log.counted_by(&metrics);
        let sockets = Sockets { public: listeners, admin: None };
        tokio::select! {
            ended = serve(sockets, metrics, Arc::new(resolved), signals) => ended.map_err(Failure::no),
            () = log.report_dropped_lines() => Ok(()),
        }
    });
    // A secret's file that never ends being read must not keep the process.
    runtime.shutdown_background();
    ended.map(|()| Outcome::Done)
}

/// Every mistake on a line of its own; the last one ends the command.
fn mistakes(errors: &[ConfigError]) -> Failure {
    let (last, first) = errors
        .split_last()
        .expect("there is no failure without an error");
    for error in first {
        output::message(format_args!("cartgate: {error}"));
    }
    Failure::usage(last)
}

fn bind(addresses: &[ListenAddress]) -> Result<Vec<Listener>, Failure> {
    addresses
        .iter()
        .map(|address| {
            Listener::bind(address).map_err(|error| {
                Failure::usage(format_args!("cannot listen on {address}: {}", why(&error)))
            })
        })
        .collect()
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the address is in use, perhaps by another gate".to_owned(),
        io::ErrorKind::PermissionDenied => format!("{error} (ports below 1024 need a privilege)"),
        _ => error.to_string(),
    }
}

/// The configuration with no more connections than there are files for; budgets are those of the
/// start, so a reload need not ask again.
fn within_files(mut config: Arc<Config>) -> Arc<Config> {
    let asked = config.limits.connections;
    let connections = files::connections(asked);
    if connections < asked {
        let why = "the limit of open files (ulimit -n) allows no more connections";
        if asked == Limits::default().connections {
            tracing::info!(connections, "{why}");
        } else {
            tracing::warn!(connections, asked, "{why}");
        }
        Arc::make_mut(&mut config).limits.connections = connections;
    }
    config
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
    sockets: Sockets,
    metrics: Arc<Metrics>,
    resolved: Arc<Resolved>,
    signals: Signals,
) -> io::Result<()> {
    let Signals {
        mut terminate,
        mut interrupt,
        hangup,
    } = signals;
    let (sender, config) = watch::channel(within_files(resolved.config()));
    let (asked, mut stop) = watch::channel(false);
    let shutdown = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    tokio::select! {
        ended = crate::serve(sockets, Arc::clone(&metrics), config, shutdown) => ended,
        () = stop_twice(&mut terminate, &mut interrupt, &asked) => {
            tracing::warn!("ended at once by a second signal");
            Ok(())
        }
        () = reload(hangup, resolved, &sender, &metrics) => Ok(()),
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

/// Reads the secrets again at each `SIGHUP`. What cannot be used leaves the old ones in force.
async fn reload(
    mut hangup: Signal,
    resolved: Arc<Resolved>,
    config: &watch::Sender<Arc<Config>>,
    metrics: &Metrics,
) {
    while hangup.recv().await.is_some() {
        // Not on this thread, which accepts and hears signals: a file may be a pipe that nobody
        // writes to, or on a machine that is gone.
        let resolved = Arc::clone(&resolved);
        let reading = spawn_blocking(move || resolved.reload());
        let read = timeout(RELOAD, reading).await;
        if !matches!(read, Ok(Ok(Ok(_)))) {
            metrics.reload_failed();
        }
        match read {
            Ok(Ok(Ok((new, warnings)))) => {
                warn(&warnings);
                config.send_replace(new);
            }
            Ok(Ok(Err(errors))) => errors.iter().for_each(|error| keep(error)),
            Ok(Err(error)) => keep(&error),
            Err(_) => keep(&"the secrets could not be read in time"),
        }
    }
    pending::<()>().await;
}

fn keep(error: &dyn fmt::Display) {
    tracing::error!(%error, "the secrets in force stay");
}

/// The start: what is protected, where it goes, by which secrets, and what looks like a mistake.
fn announce(listeners: &[Listener], config: &Config, warnings: &[Warning], args: &ServeArgs) {
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
    warn(warnings);
    if args.path.is_none() && args.upstream.target().is_none() {
        tracing::warn!(
            "neither --path nor a path in --upstream is given: a captured delivery can be aimed at \
             every route of the app, since the path is not signed"
        );
    }
}

fn warn(warnings: &[Warning]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// `/hooks -> http://app/other`: where which path goes.
fn mapping(endpoint: &Endpoint) -> String {
    let address = endpoint.destination.address();
    match (&endpoint.path, address.target()) {
        (path, Some(_)) => format!("{path} -> {address}"),
        (PathRule::Exact(path), None) => format!("{path} -> {address}{path}"),
        (PathRule::All, None) => format!("/* -> {address}/*"),
    }
}
