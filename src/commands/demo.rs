//! `cartgate demo`.

use super::{
    outcome::{Failure, Outcome},
    output::Output,
    runtime::runtime,
};
use crate::cli::DemoArgs;

pub(super) fn run(args: &DemoArgs) -> Result<Outcome, Failure> {
    let report = runtime()?.block_on(crate::demo::run());
    let report = report
        .map_err(|error| Failure::no(format_args!("the demonstration cannot run here: {error}")))?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&report.json())?;
    } else {
        output.line(&report)?;
    }
    Ok(Outcome::yes_if(report.is_as_expected()))
}
