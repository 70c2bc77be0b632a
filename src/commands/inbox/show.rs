//! `cartgate inbox show`.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    access::{Access, unexpected},
    print,
};
use crate::{
    cli::ShowArgs,
    commands::{
        outcome::{Failure, Outcome},
        output::{self, Output},
    },
    inbox::control::{Command, CommandResponse, EventDetails},
    runtime::clock::Clock,
};

pub(super) async fn run(args: ShowArgs) -> Result<Outcome, Failure> {
    let access = Access::open(args.at).await?;
    let (id, body) = (args.id, args.body);
    let CommandResponse::Shown(shown) = access.send(Command::Show { id, body }).await? else {
        return Err(unexpected());
    };
    let Some(shown) = shown else {
        return Err(Failure::no(format_args!("there is no event {id}")));
    };
    let mut output = Output::stdout();
    if body {
        output::bytes(&decoded_body(&shown)?)?;
    } else if args.json {
        output.json_line(&print::event_json(&shown))?;
    } else {
        let now = Clock::System.now();
        output.line(print::Event { shown: &shown, now })?;
    }
    Ok(Outcome::Done)
}

fn decoded_body(shown: &EventDetails) -> Result<Vec<u8>, Failure> {
    let body = shown.body.as_deref().ok_or_else(|| {
        let reason = shown.broken.as_deref().unwrap_or("it is missing");
        Failure::no(format_args!(
            "cannot show the body of {}: {reason}",
            shown.id
        ))
    })?;
    BASE64_STANDARD.decode(body).map_err(|_| unexpected())
}
