//! `cartgate demo`.

use std::{fmt::Display, io, thread};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use super::{
    outcome::{Failure, Outcome},
    output::Output,
    runtime::runtime,
};
use crate::{
    cli::DemoArgs,
    demo::{ConsoleDemo, run as demonstrate},
};

pub(super) fn run(args: &DemoArgs) -> Result<Outcome, Failure> {
    if args.console {
        return console();
    }
    let report = runtime()?.block_on(demonstrate());
    let report = report.map_err(|error| cannot_run(&error))?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&report.json())?;
    } else {
        output.line(&report)?;
    }
    Ok(Outcome::yes_if(report.is_as_expected()))
}

/// Runs a gate with a console until a signal ends it. The handlers come first, because a signal
/// without a handler would leave the files of the demonstration behind.
fn console() -> Result<Outcome, Failure> {
    let ended = runtime()?.block_on(async {
        let stop = StopSignals::install()?;
        let mut output = Output::stdout();
        let demo = ConsoleDemo::prepare()?;
        let tell = |text: &dyn Display| output.line(text);
        demo.run(lines_of_stdin()?, stop.recv(), tell).await
    });
    ended.map_err(|error| cannot_run(&error))?;
    Ok(Outcome::Done)
}

fn cannot_run(error: &io::Error) -> Failure {
    Failure::no(format_args!("the demonstration cannot run here: {error}"))
}

/// Returns a message for each line of the standard input. The thread that reads it ends with the
/// process, because nothing else can interrupt it.
fn lines_of_stdin() -> io::Result<mpsc::Receiver<()>> {
    let (sender, lines) = mpsc::channel(1);
    thread::Builder::new().spawn(move || {
        for line in io::stdin().lines() {
            if line.is_err() || sender.blocking_send(()).is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}

/// The signals that end the demonstration, among them the end of its terminal.
struct StopSignals([Signal; 4]);

impl StopSignals {
    fn install() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::quit())?,
        ]))
    }

    async fn recv(self) {
        let [mut interrupt, mut terminate, mut hangup, mut quit] = self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = quit.recv() => {}
        }
    }
}
