//! `cartgate inbox show`.

use uuid::Uuid;

use super::{access::Access, print};
use crate::{
    cli::ShowArgs,
    commands::{
        outcome::{Failure, Outcome},
        output::{self, Output},
    },
    runtime::clock::Clock,
};

pub(super) async fn run(args: ShowArgs) -> Result<Outcome, Failure> {
    let access = Access::open(&args.at).await?;
    if args.body {
        return print_body(&access, args.id).await;
    }
    let shown = access.show(args.id).await?;
    let shown = shown.ok_or_else(|| missing(args.id))?;
    let mut output = Output::stdout();
    if args.json {
        output.json_line(&shown)?;
    } else {
        let now = Clock::System.now();
        output.line(print::Event { shown: &shown, now })?;
    }
    Ok(Outcome::Done)
}

async fn print_body(access: &Access, id: Uuid) -> Result<Outcome, Failure> {
    let body = access.body(id).await?.ok_or_else(|| missing(id))?;
    let body =
        body.map_err(|reason| Failure::no(format_args!("cannot show the body of {id}: {reason}")))?;
    output::bytes(&body)?;
    Ok(Outcome::Done)
}

fn missing(id: Uuid) -> Failure {
    Failure::no(format_args!("there is no event {id}"))
}
