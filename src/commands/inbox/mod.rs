//! `cartgate inbox`. Each command reaches the inbox through `access`, as a client of the gate that
//! has it open or by opening the store, and prints the results with `print`.

mod access;
mod backup;
mod gate;
mod job;
mod list;
mod new_file;
mod place;
mod print;
mod profile;
mod purge;
mod requeue;
mod select;
mod show;
mod stats;

use std::future::Future;

use super::{
    outcome::{Failure, Outcome},
    runtime::runtime,
};
use crate::cli::InboxCommand;

pub(super) fn run(command: InboxCommand) -> Result<Outcome, Failure> {
    match command {
        InboxCommand::List(args) => block_on(list::run(args)),
        InboxCommand::Show(args) => block_on(show::run(args)),
        InboxCommand::Replay(args) => block_on(requeue::replay(args)),
        InboxCommand::Retry(args) => block_on(requeue::retry(args)),
        InboxCommand::Purge(args) => block_on(purge::run(args)),
        InboxCommand::Backup(args) => block_on(backup::run(args)),
        InboxCommand::Stats(args) => block_on(stats::run(args)),
        InboxCommand::Profile(args) => block_on(profile::run(args)),
    }
}

fn block_on(command: impl Future<Output = Result<Outcome, Failure>>) -> Result<Outcome, Failure> {
    runtime()?.block_on(command)
}
