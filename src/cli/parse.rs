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
use crate::config::variable_of;

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

/// Parses the arguments of `serve`, or `serve --config FILE`, in this environment.
///
/// # Errors
///
/// If a variable has a wrong value, or no effect beside a file.
pub fn serve_in_environment(file: Option<&Path>) -> Result<ServeArgs, clap::Error> {
    parse(&serve(file)).map(served)
}

/// Returns the arguments of `serve`, or `serve --config FILE`, without any variable but the one
/// that holds the text of a file.
#[must_use]
pub fn serve_with_file_alone(file: Option<&Path>) -> ServeArgs {
    let matches = definition().get_matches_from(serve(file));
    let mut args = served(Cli::from_arg_matches(&matches).expect("a file alone makes sense"));
    let text = || std::env::var(variable_of("config-toml")).ok();
    args.config_toml = file
        .map_or_else(text, |_| None)
        .filter(|text| !text.is_empty());
    args
}

fn serve(file: Option<&Path>) -> Vec<OsString> {
    let config = file.map(|file| ["--config".into(), file.into()]);
    let words = ["cartgate", "serve"].map(OsString::from).into_iter();
    words.chain(config.into_iter().flatten()).collect()
}

fn served(cli: Cli) -> ServeArgs {
    match cli.command {
        Command::Serve(args) => *args,
        _ => unreachable!("`serve` was parsed"),
    }
}
