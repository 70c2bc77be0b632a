//! `cartgate console`.

use super::{
    gates::request_all,
    outcome::{Failure, Outcome},
    output::{Output, message},
};
use crate::{admin::client::AdminClient, cli::ConsoleArgs};

pub(super) fn run(args: ConsoleArgs) -> Result<Outcome, Failure> {
    let ConsoleArgs {
        address,
        token_file,
        timeout,
    } = args;
    let responses = request_all(&[address], token_file, timeout, &AdminClient::link)?;
    for (gate, response) in responses {
        match response {
            Ok(link) => Output::stdout().line(link)?,
            Err(error) => {
                message(format_args!("cartgate: {gate}: {error}"));
                return Ok(Outcome::No);
            }
        }
    }
    Ok(Outcome::Done)
}
