//! `cartgate inbox purge`.

use super::{
    access::Access,
    job,
    select::{filter, nothing_selected},
};
use crate::{
    cli::PurgeArgs,
    commands::{
        outcome::{Failure, Outcome},
        output::message,
    },
    inbox::operations::{Action, JobRequest, RequestError},
};

pub(super) async fn run(args: PurgeArgs) -> Result<Outcome, Failure> {
    let request = JobRequest {
        action: Action::Purge,
        selection: filter(args.selection),
        to: None,
        rate: None,
    };
    request.check().map_err(|error| match error {
        RequestError::Everything => {
            Failure::usage("select what to purge: ids, or a filter such as --state dead")
        }
        error => Failure::usage(error),
    })?;
    if request.selection.ids.len() != 1 && !args.yes {
        return Err(Failure::usage(
            "purged deliveries cannot be restored; add --yes unless you purge a single id",
        ));
    }
    let access = Access::open(&args.at).await?;
    let Some(job) = job::run(&access, request).await? else {
        return Ok(nothing_selected());
    };
    message(format_args!("cartgate: {} deliveries purged", job.done));
    Ok(Outcome::Done)
}
