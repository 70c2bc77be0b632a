//! `cartgate inbox profile`: through the gate that has the inbox open, or from the store.

use super::{access::Access, print};
use crate::{
    cli::ProfileArgs,
    commands::{
        outcome::{Failure, Outcome},
        output::{Output, message},
    },
    profile::view::ProfileView,
};

pub(super) async fn run(args: ProfileArgs) -> Result<Outcome, Failure> {
    let access = Access::open(&args.at).await?;
    if let Some(endpoint) = &args.accept {
        return accept(&access, endpoint).await;
    }
    let profile = access.profile().await?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&profile)?;
    } else if args.toml {
        print_toml(&mut output, &profile)?;
    } else {
        print_text(&mut output, &profile)?;
    }
    Ok(Outcome::Done)
}

async fn accept(access: &Access, endpoint: &str) -> Result<Outcome, Failure> {
    if access.accept(endpoint).await? {
        message(format_args!(
            "{endpoint}: the shape of the last payloads is accepted"
        ));
        Ok(Outcome::Done)
    } else {
        let text = format_args!("there is no endpoint {endpoint} with a profile");
        Err(Failure::no(text))
    }
}

fn print_toml(output: &mut Output, profile: &ProfileView) -> Result<(), Failure> {
    let endpoints = profile.endpoints.iter();
    let suggestions: Vec<_> = endpoints
        .map(|endpoint| endpoint.toml.trim_end())
        .filter(|toml| !toml.is_empty())
        .collect();
    if suggestions.is_empty() {
        message("no suggestion yet: too few payloads, or none with a suitable pointer");
    } else {
        output.line(suggestions.join("\n\n"))?;
    }
    Ok(())
}

fn print_text(output: &mut Output, profile: &ProfileView) -> Result<(), Failure> {
    if profile.endpoints.is_empty() {
        message("no profile yet");
    }
    for (index, endpoint) in profile.endpoints.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        output.line(format_args!("{gap}{}", print::ProfileTable(endpoint)))?;
    }
    Ok(())
}
