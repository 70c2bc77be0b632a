//! The commands: each resolves what was typed, calls what does the work, and says what came out.
//! They hold no logic of their own. Exit statuses are decided here and nowhere else.
//!
//! stdout is data and stderr is messages; both are written through `output`.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::cli::{Cli, Command};

mod check;
mod completions;
mod demo;
mod inbox;
mod input;
mod man;
pub mod output;
mod refused;
mod reload;
mod resend;
mod send;
pub mod serve;
mod sign;
mod status;
mod verify;

/// What a command found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and the answer, where there was a question, is yes.
    Done,
    /// The answer is no: refused, not verified, a forgery got in.
    No,
}

impl Outcome {
    /// The answer to a question.
    #[must_use]
    pub fn yes_if(yes: bool) -> Self {
        if yes { Self::Done } else { Self::No }
    }
}

/// Why a command could not do its work: a line for stderr, and whose fault it is.
#[derive(Debug)]
pub struct Failure {
    line: String,
    status: u8,
}

impl Failure {
    /// Usage or configuration: somebody must type or set something else.
    pub fn usage(reason: impl fmt::Display) -> Self {
        Self {
            line: reason.to_string(),
            status: 2,
        }
    }

    /// The world says no: nobody listens, nobody answers.
    pub fn no(reason: impl fmt::Display) -> Self {
        Self {
            line: reason.to_string(),
            status: 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Failure {}

/// Only standard output gives bare I/O errors; all others are named with their place.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::usage(format_args!("cannot write to standard output: {error}"))
    }
}

/// Does what was typed, and gives the exit status: 0 done, 1 the answer is no, 2 usage or
/// configuration.
#[must_use]
pub fn run(cli: Cli, held: Option<serve::Held>) -> ExitCode {
    match dispatch(cli.command, held) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(failure) => {
            output::message(format_args!("cartgate: {failure}"));
            ExitCode::from(failure.status)
        }
    }
}

/// One thread is enough for a sender; a gate's workers have their own.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|error| Failure::usage(format_args!("cannot start: {error}")))
}

fn dispatch(command: Command, held: Option<serve::Held>) -> Result<Outcome, Failure> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args, held),
        Command::Check(args) => check::run(&args),
        Command::Status(args) => status::run(args),
        Command::Reload(args) => reload::run(args),
        Command::Inbox(args) => inbox::run(args.command),
        Command::Refused(args) => refused::run(args.command),
        Command::Send(args) => send::run(*args),
        Command::Sign(args) => sign::run(&args),
        Command::Verify(args) => verify::run(args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}
