//! `cartgate serve`: binds, says what it protects, and runs the gate until a signal ends it.

mod announce;
mod memory;
mod reach;
mod reload;
mod signals;
mod sockets;
mod store;

use std::{io, sync::Arc};

use tokio::sync::watch;

use super::{Failure, Outcome, output};
use crate::{
    Resources,
    admin::{ReloadRequests, reload_channel},
    cli::{
        ServeArgs,
        source::{Source, in_time},
        unused_variables,
    },
    config::{Loaded, Plan},
    proxy::{
        config::{Config, limits::Limits},
        meters::Metrics,
    },
    runtime::background::run_on_thread,
    server::{fd_limit, service_manager::ServiceManager},
    telemetry::log::Log,
};
use announce::{announce, warn};
use reload::{Causes, Running};
pub use signals::Held;
use signals::{Signals, Stop};

/// `held` has received signals since the process began.
pub(super) fn run(args: &ServeArgs, held: Option<Held>) -> Result<Outcome, Failure> {
    let held = held.map_or_else(Held::start, Ok);
    let Held {
        runtime,
        mut signals,
    } = held.map_err(|error| Failure::usage(format_args!("cannot start: {error}")))?;
    let source = Source::of(args);
    let read = runtime.block_on(read_unless_stopped(&source, &mut signals.stop));
    let Some((plan, loaded)) = read? else {
        // A file that never ends being read must not keep the process.
        runtime.shutdown_background();
        return Ok(Outcome::Done);
    };
    let (public, admin) = sockets::bind(&plan)?;
    let log = Log::start(plan.log.format, plan.log.level);
    let mut opened = None;
    let ended = runtime.block_on(async {
        let inbox = tokio::select! {
            inbox = store::open(loaded.config.inbox.clone()) => inbox?,
            // What looks a store over, or waits for a database, may be left at any point.
            () = signals.stop.recv() => {
                tracing::info!("ended by a signal before the inbox was open");
                return Ok(());
            }
        };
        opened.clone_from(&inbox);
        announce(&public, &admin, &loaded.config);
        warn(&source, &loaded.warnings);
        for line in unused_variables(&plan.variables(), source.file().is_some()) {
            tracing::warn!("{line}");
        }
        let (reloads, requests) = reload_channel();
        let resources = Resources {
            public,
            admin,
            metrics: Arc::new(Metrics::default()),
            manager: manager(),
            inbox,
            reloads: Some(reloads),
        };
        resources.metrics.dropped_lines_from(log.dropped_lines_reader());
        let config = within_fd_limit(loaded.config);
        memory::warn_if_scarce(&config.limits);
        let running = Running {
            source,
            plan,
            inbox: opened.as_ref().map(Arc::downgrade).unwrap_or_default(),
        };
        reach::look(&config, None);
        tokio::select! {
            ended = serve(resources, config, running, (signals, requests)) => ended.map_err(Failure::usage),
            () = log.report_dropped_lines() => Ok(()),
        }
    });
    // A secret's file that never ends being read must not keep the process.
    runtime.shutdown_background();
    if let Some(inbox) = opened {
        store::close(inbox);
    }
    ended.map(|()| Outcome::Done)
}

/// Nothing if a signal to end came first. Ends at once, since nothing has begun.
async fn read_unless_stopped(
    source: &Source,
    stop: &mut Stop,
) -> Result<Option<(Plan, Loaded)>, Failure> {
    let resolving = source.clone();
    tokio::select! {
        read = run_on_thread(move || read(&resolving)) => match read {
            Ok(read) => read.map(Some),
            Err(undone) => Err(Failure::usage(format_args!("cannot start: {}", undone.into_error()))),
        },
        () = stop.recv() => {
            output::message("cartgate: ended by a signal before the configuration was read");
            Ok(None)
        }
    }
}

fn read(source: &Source) -> Result<(Plan, Loaded), Failure> {
    let resolving = source.clone();
    let read = in_time(move || {
        let plan = resolving.plan()?;
        resolving.load_to_start(&plan).map(|loaded| (plan, loaded))
    });
    read.map_err(Failure::usage)?
        .map_err(|error| mistakes(source.lines(error)))
}

/// Every mistake on a line of its own; the last one ends the command.
pub(super) fn mistakes(mut lines: Vec<String>) -> Failure {
    let last = lines.pop().unwrap_or_default();
    for line in lines {
        output::message(format_args!("cartgate: {line}"));
    }
    Failure::usage(last)
}

/// Returns the service manager that started the gate.
fn manager() -> ServiceManager {
    ServiceManager::from_environment().unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot reach the service manager");
        ServiceManager::default()
    })
}

/// Lowers the connection limit to the one that the open-file limit permits. A reload need not do so
/// again, because budgets stay as they were at the start.
fn within_fd_limit(mut config: Config) -> Arc<Config> {
    let configured = config.limits.connections;
    if let Some(limit) = fd_limit::raise().filter(|limit| limit.connections < configured) {
        let (max_connections, nofile) = (limit.connections, limit.nofile);
        let message = "connection limit lowered to fit the open-file limit";
        if configured == Limits::default().connections {
            tracing::info!(max_connections, nofile, "{message}");
        } else {
            tracing::warn!(max_connections, nofile, configured, "{message}");
        }
        config.limits.connections = max_connections;
    }
    Arc::new(config)
}

async fn serve(
    resources: Resources,
    config: Arc<Config>,
    running: Running,
    (signals, requests): (Signals, ReloadRequests),
) -> io::Result<()> {
    let Signals {
        mut stop,
        hangup,
        unused,
    } = signals;
    let causes = Causes { hangup, requests };
    running.show_certificates(&config, &resources.metrics);
    let (metrics, manager) = (Arc::clone(&resources.metrics), resources.manager.clone());
    let (sender, config) = watch::channel(config);
    let (asked, mut drain) = watch::channel(false);
    let shutdown = async move {
        let _ = drain.wait_for(|drain| *drain).await;
    };
    tokio::select! {
        ended = crate::serve(resources, config, shutdown) => ended,
        () = stop.recv_twice(&asked) => {
            tracing::warn!("ended at once by a second signal");
            Ok(())
        }
        () = running.reload(causes, &sender, &metrics, &manager) => Ok(()),
        () = unused.log() => Ok(()),
    }
}
