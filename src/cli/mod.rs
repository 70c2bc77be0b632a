//! The command line: the flags of every command. This module does no I/O beyond reading the
//! environment; the folder `commands` executes the commands.
//!
//! `flags` turns the settings of `config` into the flags of `serve`, `from_flags` and `overrides`
//! turn those flags into a plan. `variables` gives flags their `CARTGATE_*` variables, whose values
//! `--help` never shows. A secret is never an argument, because every user of the machine sees
//! arguments.

mod alarm;
mod check;
mod command;
mod completions;
mod console;
mod definition;
mod demo;
mod flags;
mod from_flags;
mod front;
mod gates;
mod healthcheck;
mod inbox;
mod init;
mod inputs;
mod man;
mod origin;
mod overrides;
mod parse;
mod rejected;
mod reload;
mod renamed;
mod send;
mod serve;
mod sign;
pub mod source;
mod status;
mod unused;
mod variables;
mod verify;
mod walk;

pub use alarm::{AlarmArgs, AlarmCommand, AlarmTestArgs};
pub use check::CheckArgs;
pub use command::{Cli, Command};
pub use completions::CompletionsArgs;
pub use console::ConsoleArgs;
pub use definition::definition;
pub use demo::DemoArgs;
pub use front::Front;
pub use gates::GatesArgs;
pub use healthcheck::HealthcheckArgs;
pub use inbox::{
    AgainArgs, BackupArgs, InboxArgs, InboxAt, InboxCommand, ListArgs, ProfileArgs, PurgeArgs,
    RetryArgs, SelectionArgs, ShowArgs, StatsArgs, When,
};
pub use init::InitArgs;
pub use inputs::{HeaderLine, Input};
pub use man::ManArgs;
pub use parse::{serve_in_environment, serve_with_file_alone};
pub use rejected::{RejectedArgs, RejectedAt, RejectedCommand, RejectedListArgs, RejectedShowArgs};
pub use reload::ReloadArgs;
pub use send::{ForgeChoice, SampleEvent, SendArgs};
pub use serve::ServeArgs;
pub use sign::SignArgs;
pub use status::StatusArgs;
pub use unused::unused_variables;
pub use variables::Given;
pub use verify::VerifyArgs;
pub(crate) use walk::every_command;
