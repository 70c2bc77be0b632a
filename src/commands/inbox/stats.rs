//! `cartgate inbox stats`.

use super::{
    access::{Access, unexpected},
    print,
};
use crate::{
    cli::StatsArgs,
    commands::{
        outcome::{Failure, Outcome},
        output::Output,
    },
    inbox::control::{Command, CommandResponse},
    runtime::clock::Clock,
};

pub(super) async fn run(args: StatsArgs) -> Result<Outcome, Failure> {
    let access = Access::open(args.at).await?;
    let CommandResponse::Stats(inbox) = access.send(Command::Stats).await? else {
        return Err(unexpected());
    };
    let mut output = Output::stdout();
    if args.json {
        output.json_line(&print::stats_json(&inbox))?;
    } else {
        let (inbox, now) = (&inbox, Clock::System.now());
        output.line(print::StatsTable { inbox, now })?;
    }
    Ok(Outcome::Done)
}
