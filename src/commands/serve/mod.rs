//! `cartgate serve`: binds, logs the protected endpoints, and runs the gate until a signal ends it.

mod announce;
mod gate;
mod inbox;
mod memory;
mod probe;
mod reloader;
mod sandbox;
mod signals;
mod sockets;
mod token_files;

use std::{fmt::Display, sync::Arc};

use super::{
    mistakes::mistakes,
    outcome::{Failure, Outcome},
    output::message,
};
use crate::{
    admin::Credentials,
    cli::{
        ServeArgs,
        source::{ConfigSource, in_time},
    },
    config::{Loaded, Plan},
    runtime::background::run_on_thread,
    server::watched_files::WatchedFiles,
    telemetry::log::Log,
};
use gate::Gate;
pub use signals::HeldSignals;
use signals::StopSignals;

/// Runs a gate. `held` has received signals since the process began.
pub(super) fn run(args: &ServeArgs, held: Option<HeldSignals>) -> Result<Outcome, Failure> {
    let held = held.map_or_else(HeldSignals::start, Ok);
    let HeldSignals {
        runtime,
        mut signals,
    } = held.map_err(cannot_start)?;
    let source = ConfigSource::of(args).map_err(Failure::usage)?;
    let read = runtime.block_on(read_unless_stopped(&source, &mut signals.stop));
    let Some((plan, loaded, files)) = read? else {
        // A file that never ends must not hold the process.
        runtime.shutdown_background();
        return Ok(Outcome::Done);
    };
    let (public, admin) = sockets::bind(&plan)?;
    let credentials = Credentials::random().map_err(cannot_start)?;
    // No other thread runs yet.
    sandbox::enter(&source, &plan, &loaded.config, &public, &admin);
    memory::return_in_background();
    let log = Log::start(plan.log.format, plan.log.level);
    let gate = Gate {
        source,
        plan,
        loaded,
        files,
        public,
        admin,
        credentials: Arc::new(credentials),
    };
    let mut opened = None;
    let ended = runtime.block_on(gate.run(signals, &log, &mut opened));
    // A secret file that never ends must not hold the process.
    runtime.shutdown_background();
    if let Some(inbox) = opened {
        inbox::close(inbox);
    }
    ended.map(|()| Outcome::Done)
}

/// Reads the configuration. Returns none if a stop signal comes first; then nothing has started.
async fn read_unless_stopped(
    source: &ConfigSource,
    stop: &mut StopSignals,
) -> Result<Option<(Plan, Loaded, WatchedFiles)>, Failure> {
    let resolving = source.clone();
    tokio::select! {
        read = run_on_thread(move || read(&resolving)) => match read {
            Ok(read) => read.map(Some),
            Err(error) => Err(cannot_start(error.into_error())),
        },
        () = stop.recv() => {
            message("cartgate: ended by a signal before the configuration was read");
            Ok(None)
        }
    }
}

fn read(source: &ConfigSource) -> Result<(Plan, Loaded, WatchedFiles), Failure> {
    let resolving = source.clone();
    let read = in_time(move || {
        let mut files = WatchedFiles::default();
        files.add(resolving.file());
        let plan = resolving.plan()?;
        files.add(plan.files());
        let loaded = resolving.load_to_start(&plan)?;
        Ok((plan, loaded, files))
    });
    read.map_err(Failure::usage)?
        .map_err(|error| mistakes(source.lines(error)))
}

fn cannot_start(error: impl Display) -> Failure {
    Failure::usage(format_args!("cannot start: {error}"))
}
