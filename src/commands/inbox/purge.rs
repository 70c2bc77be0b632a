//! `cartgate inbox purge`.

use super::{
    access::{Access, unexpected},
    select::{is_everything, nothing_selected, selection},
};
use crate::{
    cli::PurgeArgs,
    commands::{
        outcome::{Failure, Outcome},
        output::message,
    },
    inbox::control::{Command, CommandResponse, Page},
};

pub(super) async fn run(args: PurgeArgs) -> Result<Outcome, Failure> {
    let selection = selection(args.selection);
    if is_everything(&selection) {
        return Err(Failure::usage(
            "select what to purge: ids, or a filter such as --state dead",
        ));
    }
    if selection.ids.len() != 1 && !args.yes {
        return Err(Failure::usage(
            "purged deliveries cannot be restored; add --yes unless you purge a single id",
        ));
    }
    let access = Access::open(args.at).await?;
    let mut sum = 0;
    loop {
        let (selection, most) = (selection.clone(), Page::MOST);
        let CommandResponse::Purged(purged) =
            access.send(Command::Purge { selection, most }).await?
        else {
            return Err(unexpected());
        };
        sum += purged;
        if purged == 0 {
            break;
        }
    }
    if sum == 0 {
        return Ok(nothing_selected());
    }
    message(format_args!("cartgate: {sum} deliveries purged"));
    Ok(Outcome::Done)
}
