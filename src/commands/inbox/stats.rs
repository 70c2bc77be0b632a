//! `cartgate inbox stats`.

use super::{access::Access, print};
use crate::{
    cli::StatsArgs,
    commands::{
        outcome::{Failure, Outcome},
        output::Output,
    },
    runtime::clock::Clock,
};

pub(super) async fn run(args: StatsArgs) -> Result<Outcome, Failure> {
    let access = Access::open(&args.at).await?;
    let inbox = access.stats().await?;
    let mut output = Output::stdout();
    if args.json {
        output.json_line(&inbox)?;
    } else {
        let (inbox, now) = (&inbox, Clock::System.now());
        output.line(print::StatsTable { inbox, now })?;
    }
    Ok(Outcome::Done)
}
