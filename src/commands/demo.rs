//! `cartgate demo`.

use super::output::Output;
use super::{Failure, Outcome, runtime};
use crate::cli::DemoArgs;

pub(super) fn run(args: &DemoArgs) -> Result<Outcome, Failure> {
    let show = runtime()?.block_on(crate::demo::run());
    let show = show
        .map_err(|error| Failure::no(format_args!("the demonstration cannot run here: {error}")))?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&show.json())?;
    } else {
        output.line(&show)?;
    }
    Ok(Outcome::yes_if(show.is_well()))
}
