//! `cartgate inbox replay` and `retry`: makes deliveries due again, no faster than `--rate`.

use super::{
    access::Access,
    job,
    select::{filter, nothing_selected},
};
use crate::{
    cli::{AgainArgs, InboxAt, RetryArgs},
    commands::{
        outcome::{Failure, Outcome},
        output::message,
    },
    inbox::operations::{Action, JobDetails, JobRequest, RequestError},
};

pub(super) async fn replay(args: AgainArgs) -> Result<Outcome, Failure> {
    let request = JobRequest {
        action: Action::Replay,
        selection: filter(args.selection),
        to: None,
        rate: args.rate,
    };
    run(args.at, request).await
}

pub(super) async fn retry(args: RetryArgs) -> Result<Outcome, Failure> {
    let action = match args.to {
        Some(_) => Action::Move,
        None => Action::Retry,
    };
    let request = JobRequest {
        action,
        selection: filter(args.again.selection),
        to: args.to,
        rate: args.again.rate,
    };
    run(args.again.at, request).await
}

async fn run(at: InboxAt, request: JobRequest) -> Result<Outcome, Failure> {
    request.check().map_err(|error| match error {
        RequestError::Everything => {
            Failure::usage("select what to replay: ids, or a filter such as --since 2h")
        }
        RequestError::Delivered => {
            Failure::usage("delivered events are not retried; deliver them again with inbox replay")
        }
        error => Failure::usage(error),
    })?;
    let access = Access::open(&at).await?;
    match job::run(&access, request).await? {
        Some(job) => Ok(report(&job)),
        None => Ok(nothing_selected()),
    }
}

/// Prints the numbers; returns the outcome.
fn report(job: &JobDetails) -> Outcome {
    let skipped = job.skipped;
    if skipped.quarantined > 0 {
        let number = skipped.quarantined;
        message(format_args!(
            "cartgate: {number} stay in quarantine, because their seals are broken"
        ));
    }
    if skipped.unserved > 0 {
        let number = skipped.unserved;
        message(format_args!(
            "cartgate: {number} have no configured destination; move them with retry --to NAME"
        ));
    }
    if job.done > 0 {
        message(format_args!("cartgate: {} are due now", job.done));
        return Outcome::Done;
    }
    if skipped.quarantined + skipped.unserved > 0 {
        return Outcome::No;
    }
    nothing_selected()
}
