//! `cartgate serve`: binds, says what it protects, and runs the gate until a signal ends it.

use std::{future::pending, io, sync::Arc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use super::{Failure, Outcome, output};
use crate::{
    cli::ServeArgs,
    config::{Config, ConfigError, Resolved},
    endpoint::{Endpoint, PathRule},
    listener::{ListenAddress, Listener},
    log::Log,
    secret_source::Warning,
};

pub(super) fn run(args: &ServeArgs) -> Result<Outcome, Failure> {
    let (resolved, warnings) = Resolved::new(args).map_err(|errors| mistakes(&errors))?;
    let listeners = bind(&args.listen)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::no)?;
    let log = Log::start(args.process.log_format, args.process.log_level);
    announce(&listeners, &resolved.config(), &warnings, args);
    runtime.block_on(async {
        tokio::select! {
            ended = serve(listeners, &resolved) => ended.map_err(Failure::no),
            () = log.report_dropped_lines() => Ok(()),
        }
    })?;
    Ok(Outcome::Done)
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

async fn serve(listeners: Vec<Listener>, resolved: &Resolved) -> io::Result<()> {
    let (sender, config) = watch::channel(resolved.config());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
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
        () = reload(hangup, resolved, &sender) => Ok(()),
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
async fn reload(mut hangup: Signal, resolved: &Resolved, config: &watch::Sender<Arc<Config>>) {
    while hangup.recv().await.is_some() {
        match resolved.reload() {
            Ok((new, warnings)) => {
                warn(&warnings);
                config.send_replace(new);
            }
            Err(errors) => {
                for error in &errors {
                    tracing::error!(%error, "the secrets in force stay");
                }
            }
        }
    }
    pending::<()>().await;
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
