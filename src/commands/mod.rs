//! The commands. Each one resolves its arguments, calls the module that does the work, and prints
//! the result; it contains no other logic. [`run`] alone decides the exit status.
//!
//! stdout carries data and stderr carries messages. `output` writes both.

use std::process::ExitCode;

use crate::cli::{Cli, Command};

mod alarm;
mod check;
mod completions;
mod console;
mod demo;
mod gates;
mod healthcheck;
mod inbox;
mod init;
mod input;
mod man;
mod mistakes;
mod outcome;
pub mod output;
mod rejected;
mod reload;
mod runtime;
mod send;
pub mod serve;
mod sign;
mod status;
mod verify;

pub use init::packaged;
pub use outcome::{Failure, Outcome};

/// Runs a command; returns its exit status: 0 done, 1 negative result, 2 usage or configuration.
#[must_use]
pub fn run(cli: Cli, held: Option<serve::HeldSignals>) -> ExitCode {
    match dispatch(cli.command, held) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(failure) => {
            output::message(format_args!("cartgate: {failure}"));
            ExitCode::from(failure.status())
        }
    }
}

fn dispatch(command: Command, held: Option<serve::HeldSignals>) -> Result<Outcome, Failure> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Init(args) => init::run(args),
        Command::Serve(args) => serve::run(&args, held),
        Command::Check(args) => check::run(&args),
        Command::Status(args) => status::run(args),
        Command::Console(args) => console::run(args),
        Command::Reload(args) => reload::run(args),
        Command::Healthcheck(args) => healthcheck::run(&args),
        Command::Inbox(args) => inbox::run(args.command),
        Command::Rejected(args) => rejected::run(args.command),
        Command::Alarm(args) => alarm::run(args.command),
        Command::Send(args) => send::run(*args),
        Command::Sign(args) => sign::run(&args),
        Command::Verify(args) => verify::run(args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}
