//! `cartgate completions`.

use super::{
    outcome::{Failure, Outcome},
    output::bytes,
};
use crate::cli::{self, CompletionsArgs};

pub(super) fn run(args: &CompletionsArgs) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::definition(), "cartgate", &mut script);
    bytes(&script)?;
    Ok(Outcome::Done)
}
