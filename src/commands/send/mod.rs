//! `cartgate send`.

mod job;
mod print;
mod saved;

use super::{
    outcome::{Failure, Outcome},
    runtime::runtime,
};
use crate::cli::SendArgs;
use job::Job;

pub(super) fn run(args: SendArgs) -> Result<Outcome, Failure> {
    require_consent(&args)?;
    if let Some(path) = args.delivery.clone() {
        return saved::run(args, &path);
    }
    let job = Job::from(args)?;
    runtime()?.block_on(job.run())
}

/// Requires `--yes` for load or forgeries to another machine, which a mistyped address must not
/// hit.
fn require_consent(args: &SendArgs) -> Result<(), Failure> {
    let heavy = args.count > 1 || args.forge.is_some();
    if !heavy || args.url.is_loopback() || args.yes {
        return Ok(());
    }
    let content = if args.forge.is_some() {
        "forgeries"
    } else {
        "many deliveries"
    };
    Err(Failure::usage(format_args!(
        "{} is not this machine; add --yes to send {content} there",
        args.url
    )))
}
