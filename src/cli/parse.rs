//! Parsing the arguments and variables of this process.

use std::{ffi::OsString, path::Path};

use clap::FromArgMatches as _;

use super::{
    command::{Cli, Command},
    definition::definition,
    renamed,
    serve::ServeArgs,
    variables::{self, Given},
};

impl Cli {
    /// Parses the arguments and variables of this process. Exits if they make no sense, or ask for
    /// help.
    #[must_use]
    pub fn parse_typed() -> Self {
        let typed: Vec<_> = std::env::args_os().collect();
        parse(&typed).unwrap_or_else(|error| error.exit())
    }
}

fn parse(typed: &[OsString]) -> Result<Cli, clap::Error> {
    let mut definition = variables::in_force(definition(), typed)?;
    let parsed = definition
        .try_get_matches_from_mut(typed)
        .and_then(|matches| {
            let mut cli = Cli::from_arg_matches(&matches)?;
            if let (Command::Serve(args), Some((_, matches))) =
                (&mut cli.command, matches.subcommand())
            {
                args.given = Given::of(matches);
            }
            Ok(cli)
        });
    parsed.map_err(|error| variables::explained(renamed::explained(error), &definition))
}

/// Parses the arguments of `serve --config FILE` in this environment.
///
/// # Errors
///
/// If a variable has a wrong value, or no effect beside a file.
pub fn serve_with_file(file: &Path) -> Result<ServeArgs, clap::Error> {
    parse(&with_file(file)).map(served)
}

/// Returns the arguments of `serve --config FILE` without any variable.
#[must_use]
pub fn serve_with_file_alone(file: &Path) -> ServeArgs {
    let matches = definition().get_matches_from(with_file(file));
    served(Cli::from_arg_matches(&matches).expect("a file alone makes sense"))
}

fn with_file(file: &Path) -> Vec<OsString> {
    let words = ["cartgate", "serve", "--config"].map(OsString::from);
    words.into_iter().chain([file.into()]).collect()
}

fn served(cli: Cli) -> ServeArgs {
    match cli.command {
        Command::Serve(args) => *args,
        _ => unreachable!("`serve` was parsed"),
    }
}
