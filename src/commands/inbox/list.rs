//! `cartgate inbox list`.

use super::{access::Access, print, select};
use crate::{
    cli::ListArgs,
    commands::{
        outcome::{Failure, Outcome},
        output::{Output, message},
    },
    runtime::clock::Clock,
};

pub(super) async fn run(args: ListArgs) -> Result<Outcome, Failure> {
    let access = Access::open(&args.at).await?;
    let filter = select::filter(args.selection);
    let (mut output, mut is_empty) = (Output::stdout(), true);
    let now = Clock::System.now();
    let print_page = |page: &[_]| {
        if page.is_empty() {
            return Ok(());
        }
        if is_empty && !args.json {
            output.line(print::HEADINGS)?;
        }
        is_empty = false;
        for row in page {
            if args.json {
                output.json_line(row)?;
            } else {
                output.line(print::Line { row, now })?;
            }
        }
        Ok(())
    };
    access.list(filter, print_page).await?;
    if is_empty {
        message("cartgate: no deliveries are selected");
    }
    Ok(Outcome::Done)
}
