//! `cartgate serve`: binds, says what it protects, and runs the gate until a signal ends it.

mod announce;
mod reload;
mod sockets;
mod store;

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use super::{Failure, Outcome, output};
use crate::{
    Surroundings,
    admin::{ReloadRequests, reload_channel},
    cli::{ServeArgs, unused_variables},
    config::{Config, Limits, Loaded, Plan, Source, in_time},
    files,
    log::Log,
    metrics::Metrics,
    service_manager::ServiceManager,
};
use announce::{announce, warn};
use reload::{Causes, Running};

pub(super) fn run(args: &ServeArgs) -> Result<Outcome, Failure> {
    let source = Source::of(args);
    let (plan, loaded) = read(&source)?;
    let (public, admin) = sockets::bind(&plan)?;
    let runtime = super::runtime()?;
    let log = Log::start(plan.log.format, plan.log.level);
    let mut opened = None;
    let ended = runtime.block_on(async {
        // Before the gate says that it is there: a signal without its handler ends the process.
        let mut signals = Signals::install().map_err(Failure::no)?;
        let inbox = tokio::select! {
            inbox = store::open(loaded.config.inbox.clone()) => inbox?,
            // What looks a store over, or waits for a database, may be left at any point.
            () = signals.stop() => {
                tracing::info!("ended by a signal before the inbox was open");
                return Ok(());
            }
        };
        opened.clone_from(&inbox);
        announce(&public, admin.as_ref(), &loaded.config);
        warn(&source, &loaded.warnings);
        for line in unused_variables(&plan.variables(), source.file().is_some()) {
            tracing::warn!("{line}");
        }
        let (reloads, requests) = reload_channel();
        let surroundings = Surroundings {
            public,
            admin,
            metrics: Arc::new(Metrics::default()),
            manager: manager(),
            inbox,
            reloads: Some(reloads),
        };
        log.counted_by(&surroundings.metrics);
        let config = within_files(loaded.config);
        let running = Running { source, plan };
        tokio::select! {
            ended = serve(surroundings, config, running, (signals, requests)) => ended.map_err(Failure::usage),
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

fn read(source: &Source) -> Result<(Plan, Loaded), Failure> {
    let resolving = source.clone();
    let read = in_time(move || {
        let plan = resolving.plan()?;
        resolving.load(&plan).map(|loaded| (plan, loaded))
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

/// Whoever started the gate, to be told how it is.
fn manager() -> ServiceManager {
    ServiceManager::from_environment().unwrap_or_else(|error| {
        tracing::warn!(%error, "the service manager cannot be reached");
        ServiceManager::default()
    })
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

    /// Ready once it is told to end.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn serve(
    surroundings: Surroundings,
    config: Arc<Config>,
    running: Running,
    (signals, requests): (Signals, ReloadRequests),
) -> io::Result<()> {
    let Signals {
        mut terminate,
        mut interrupt,
        hangup,
    } = signals;
    let causes = Causes { hangup, requests };
    running.show_certificates(&config, &surroundings.metrics);
    let (metrics, manager) = (
        Arc::clone(&surroundings.metrics),
        surroundings.manager.clone(),
    );
    let (sender, config) = watch::channel(config);
    let (asked, mut stop) = watch::channel(false);
    let shutdown = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    tokio::select! {
        ended = crate::serve(surroundings, config, shutdown) => ended,
        () = stop_twice(&mut terminate, &mut interrupt, &asked) => {
            tracing::warn!("ended at once by a second signal");
            Ok(())
        }
        () = running.reload(causes, &sender, &metrics, &manager) => Ok(()),
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
