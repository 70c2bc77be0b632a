//! `cartgate inbox`: which command asks what of an inbox. Where it is and who carries an order out is `access`' affair, what is
//! printed `print`'s.

mod access;
mod again;
mod print;
mod select;

use std::{future::Future, io, path::absolute};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    outcome::{Failure, Outcome},
    output::{self, Output, message},
    runtime::runtime,
};
use crate::{
    cli::{BackupArgs, InboxCommand, ListArgs, PurgeArgs, ShowArgs, StatsArgs},
    inbox::control::{Command, CommandResponse, EventDetails, Page},
    runtime::clock::Clock,
};
use access::Access;

pub(super) fn run(command: InboxCommand) -> Result<Outcome, Failure> {
    match command {
        InboxCommand::List(args) => wait(list(args)),
        InboxCommand::Show(args) => wait(show(args)),
        InboxCommand::Replay(args) => wait(again::replay(args)),
        InboxCommand::Retry(args) => wait(again::retry(args)),
        InboxCommand::Purge(args) => wait(purge(args)),
        InboxCommand::Backup(args) => wait(backup(args)),
        InboxCommand::Stats(args) => wait(stats(args)),
    }
}

fn wait(command: impl Future<Output = Result<Outcome, Failure>>) -> Result<Outcome, Failure> {
    runtime()?.block_on(command)
}

/// What no command comes to.
fn nothing_is_selected() -> Outcome {
    message("cartgate: nothing is selected");
    Outcome::No
}

async fn list(args: ListArgs) -> Result<Outcome, Failure> {
    let access = Access::open(args.at).await?;
    let mut page = Page {
        selection: select::selection(args.selection),
        after: None,
        most: Page::MOST,
    };
    let (mut output, mut any) = (Output::stdout(), false);
    let now = Clock::System.now();
    loop {
        let CommandResponse::Listed(listed) = access.ask(Command::List(page.clone())).await? else {
            return Err(access::otherwise());
        };
        if !any && !args.json && !listed.is_empty() {
            output.line(print::HEADINGS)?;
        }
        any |= !listed.is_empty();
        for one in &listed {
            if args.json {
                output.json_line(&print::Row::of(one))?;
            } else {
                output.line(print::Line { one, now })?;
            }
        }
        match listed.last() {
            Some(last) if listed.len() == page.most => page.after = Some(last.into()),
            _ => break,
        }
    }
    if !any {
        message("cartgate: no deliveries are selected");
    }
    Ok(Outcome::Done)
}

async fn show(args: ShowArgs) -> Result<Outcome, Failure> {
    let access = Access::open(args.at).await?;
    let (id, body) = (args.id, args.body);
    let CommandResponse::Shown(shown) = access.ask(Command::Show { id, body }).await? else {
        return Err(access::otherwise());
    };
    let Some(shown) = shown else {
        return Err(Failure::no(format_args!("there is no event {id}")));
    };
    let mut output = Output::stdout();
    if body {
        output::bytes(&bytes(&shown)?)?;
    } else if args.json {
        output.json_line(&print::event(&shown))?;
    } else {
        let now = Clock::System.now();
        output.line(print::Event { shown: &shown, now })?;
    }
    Ok(Outcome::Done)
}

fn bytes(shown: &EventDetails) -> Result<Vec<u8>, Failure> {
    let body = shown.body.as_deref().ok_or_else(|| {
        let why = shown.broken.as_deref().unwrap_or("it is not there");
        Failure::no(format_args!("the body of {} is not shown: {why}", shown.id))
    })?;
    let bytes = BASE64_STANDARD.decode(body);
    bytes.map_err(|_| access::otherwise())
}

async fn purge(args: PurgeArgs) -> Result<Outcome, Failure> {
    let selection = select::selection(args.selection);
    if select::is_everything(&selection) {
        return Err(Failure::usage(
            "say what goes: ids, or a filter such as --state dead",
        ));
    }
    if selection.ids.len() != 1 && !args.yes {
        return Err(Failure::usage(
            "what is purged is gone; add --yes for more than one event named by its id",
        ));
    }
    let access = Access::open(args.at).await?;
    let mut all = 0;
    loop {
        let (selection, most) = (selection.clone(), Page::MOST);
        let CommandResponse::Purged(purged) =
            access.ask(Command::Purge { selection, most }).await?
        else {
            return Err(access::otherwise());
        };
        all += purged;
        if purged == 0 {
            break;
        }
    }
    if all == 0 {
        return Ok(nothing_is_selected());
    }
    message(format_args!("cartgate: {all} deliveries purged"));
    Ok(Outcome::Done)
}

async fn backup(args: BackupArgs) -> Result<Outcome, Failure> {
    let access = Access::open(args.at).await?;
    // Another process may write it, from another folder.
    let to = absolute(&args.file).map_err(|error: io::Error| {
        Failure::usage(format_args!("{}: {error}", args.file.display()))
    })?;
    let CommandResponse::Written = access.ask(Command::Backup { to: to.clone() }).await? else {
        return Err(access::otherwise());
    };
    message(format_args!(
        "cartgate: written to {}; the key file of the inbox belongs to it",
        to.display()
    ));
    Ok(Outcome::Done)
}

async fn stats(args: StatsArgs) -> Result<Outcome, Failure> {
    let access = Access::open(args.at).await?;
    let CommandResponse::Stats(holdings) = access.ask(Command::Stats).await? else {
        return Err(access::otherwise());
    };
    let mut output = Output::stdout();
    if args.json {
        output.json_line(&print::holdings(&holdings))?;
    } else {
        let (holdings, now) = (&holdings, Clock::System.now());
        output.line(print::Stock { holdings, now })?;
    }
    Ok(Outcome::Done)
}
