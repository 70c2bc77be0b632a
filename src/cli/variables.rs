//! The `CARTGATE_*` variables: the flags that have one, and the variables in force.
//!
//! Every flag of `serve` has a variable. Other commands obey only the variables that name the inbox
//! and the secrets, so no variable confirms, selects or redirects anything. A flag overrides its
//! variable and the variables of all flags that exclude it. An empty variable counts as unset.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
};

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::BoolishValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use super::walk::every_command;
use crate::{
    config::variable_of,
    secret::source::{SECRETS, variable_is_set},
};

/// The flags of commands other than `serve` that have a variable.
pub(super) const SHARED: [&str; 8] = [
    "config",
    "inbox",
    "inbox_ca_file",
    "inbox_encryption_key_file",
    "inbox_key_file",
    "inbox_password_file",
    "secret_file",
    "token_file",
];

/// The flags that override a configuration file.
const OVERRIDES: [&str; 11] = [
    "access_log",
    "admin",
    "admin_host",
    "admin_token_file",
    "explain",
    "listen",
    "log_format",
    "log_level",
    "no_sandbox",
    "watch",
    "workers",
];

/// The flags whose wrong value may be a secret. Any value with an `@` may be one as well, as in
/// `https://user:password@host`.
const CONFIDENTIAL: [&str; 9] = [
    "admin_token_file",
    "config_toml",
    "header",
    "inbox_encryption_key_file",
    "inbox_key_file",
    "inbox_password_file",
    "secret_file",
    "set",
    "token_file",
];

/// The flags of a command that were given, as flags or as variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    flags: BTreeSet<String>,
    variables: BTreeSet<String>,
}

impl Given {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let from = |wanted: ValueSource| {
            let ids = matches.ids().filter(|id| {
                // Groups are ids without a source.
                matches.try_contains_id(id.as_str()).unwrap_or(false)
                    && matches.value_source(id.as_str()) == Some(wanted)
            });
            ids.map(|id| id.as_str().to_owned()).collect()
        };
        Self {
            flags: from(ValueSource::CommandLine),
            variables: from(ValueSource::EnvVariable),
        }
    }

    /// Whether `--flag` was given, as a flag or a variable.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        let id = id_of(flag);
        self.flags.contains(&id) || self.variables.contains(&id)
    }

    /// Returns a given flag, or its variable, that has no effect beside a configuration file.
    pub(super) fn without_effect_beside_file(&self) -> Option<String> {
        let alone = |id: &&String| !OVERRIDES.contains(&id.as_str());
        let flag = |id: &String| format!("--{}", id.replace('_', "-"));
        let flags = self.flags.iter().filter(alone).map(flag);
        let variables = self.variables.iter().filter(alone).map(flag);
        let variables = variables.map(|flag| format!("the variable {}", variable_of(&flag)));
        flags.chain(variables).next()
    }

    /// Whether `--flag` was given as a variable.
    #[must_use]
    pub fn by_variable(&self, flag: &str) -> bool {
        self.variables.contains(&id_of(flag))
    }
}

fn id_of(flag: &str) -> String {
    flag.trim_start_matches('-').replace('-', "_")
}

/// Returns the variable of a flag of the command, if it has one.
pub(super) fn variable(command: &str, arg: &Arg) -> Option<String> {
    let flag = arg.get_long()?;
    let has_one = command == "serve" || SHARED.contains(&arg.get_id().as_str());
    has_one.then(|| variable_of(flag))
}

/// Adds the names of the variables to the help of their flags. Help never shows their values.
pub(super) fn documented(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let command = command.mut_args(|arg| match variable(&name, &arg) {
        Some(variable) => {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            arg.help(format!("{help} [env: {variable}]"))
        }
        None => arg,
    });
    command.mut_subcommands(documented)
}

/// Returns the definition with the variables that are in force beside the given words.
///
/// # Errors
///
/// If variables contradict each other or `--config`.
pub(super) fn in_force(definition: Command, typed: &[OsString]) -> Result<Command, clap::Error> {
    // Help is available even if variables contradict each other.
    let help = ["-h", "--help", "-V", "--version"].map(OsStr::new);
    if typed.iter().any(|word| help.contains(&word.as_os_str())) {
        return Ok(definition);
    }
    let mut built = definition.clone();
    built.build();
    let command = chosen(&built, typed);
    let variables = effective(command, typed)?;
    let name = command.get_name().to_owned();
    Ok(attached(definition, &name, &variables))
}

/// Returns the innermost command that was given.
fn chosen<'c>(definition: &'c Command, typed: &[OsString]) -> &'c Command {
    let words = typed.iter().skip(1);
    let mut command = definition;
    for word in words {
        match word.to_str().and_then(|word| command.find_subcommand(word)) {
            Some(subcommand) => command = subcommand,
            None => break,
        }
    }
    command
}

/// Returns the ids of the flags whose variables are in force.
fn effective(command: &Command, typed: &[OsString]) -> Result<BTreeSet<String>, clap::Error> {
    let name = command.get_name();
    let flags: Vec<_> = command
        .get_arguments()
        .filter(|arg| is_typed(arg, typed))
        .collect();
    let set = |arg: &&Arg| variable(name, arg).is_some_and(|variable| variable_is_set(&variable));
    let variables: Vec<_> = command
        .get_arguments()
        .filter(|arg| !is_typed(arg, typed))
        .filter(set)
        .collect();
    if let Some(config) = flags.iter().find(|arg| arg.get_id() == "config")
        && name == "serve"
        && let Some(without_effect) = variables.iter().find(|arg| exclude(command, config, arg))
    {
        return Err(contradiction(command, without_effect, "--config"));
    }
    let file = variables.iter().find(|arg| is_file(arg));
    if let Some(file) = file
        && name == "serve"
        // A gate with an app or a verdict on the command line is another gate than that of the file.
        && !flags.iter().any(|flag| ["upstream", "verdict"].contains(&flag.get_id().as_str()))
        && let Some(flag) = flags.iter().find(|flag| exclude(command, flag, file))
    {
        return Err(flag_beside_file(command, flag, file));
    }
    let overridden = |arg: &&&Arg| !flags.iter().any(|flag| exclude(command, flag, arg));
    let variables: Vec<_> = variables.iter().filter(overridden).copied().collect();
    for (place, arg) in variables.iter().enumerate() {
        let others = &variables[place + 1..];
        if let Some(other) = others.iter().find(|other| exclude(command, arg, other)) {
            let other = named(other);
            return Err(contradiction(command, arg, &other));
        }
        let itself = named(arg);
        let itself = itself.strip_suffix("_FILE").unwrap_or_default();
        if SECRETS.contains(&itself) && variable_is_set(itself) {
            return Err(contradiction(command, arg, itself));
        }
    }
    Ok(variables
        .iter()
        .map(|arg| arg.get_id().to_string())
        .collect())
}

fn named(arg: &Arg) -> String {
    variable_of(arg.get_long().unwrap_or_default())
}

fn is_typed(arg: &Arg, typed: &[OsString]) -> bool {
    let names = arg.get_long().into_iter().map(str::to_owned);
    let names: Vec<_> = names
        .chain(
            arg.get_all_aliases()
                .into_iter()
                .flatten()
                .map(str::to_owned),
        )
        .collect();
    let flags = typed.iter().take_while(|word| *word != "--");
    let mut flags = flags.filter_map(|word| word.to_str()?.strip_prefix("--"));
    flags.any(|flag| {
        let flag = flag.split('=').next().unwrap_or_default();
        names.iter().any(|name| name == flag)
    })
}

fn exclude(command: &Command, one: &Arg, other: &Arg) -> bool {
    let excludes = |one: &Arg, other: &Arg| {
        let conflicts = command.get_arg_conflicts_with(one);
        conflicts.iter().any(|arg| arg.get_id() == other.get_id())
    };
    excludes(one, other) || excludes(other, one)
}

/// Whether the value of this flag is a configuration file, or the text of one.
fn is_file(arg: &Arg) -> bool {
    ["config", "config_toml"].contains(&arg.get_id().as_str())
}

fn contradiction(command: &Command, arg: &Arg, other: &str) -> clap::Error {
    let one = named(arg);
    let files = ["config", "config-toml"].map(variable_of);
    let other_is_file = other == "--config" || files.iter().any(|file| file == other);
    let message = match (files.contains(&one), other_is_file) {
        _ if command.get_name() != "serve" => exclusive(&one, other),
        (true, true) if other == "--config" => {
            format!("--config and the variable {one} exclude each other; leave one of them out")
        }
        (true, false) => without_effect(other, &one),
        (false, true) => without_effect(&one, other),
        (true, true) | (false, false) => exclusive(&one, other),
    };
    command.clone().error(ErrorKind::ArgumentConflict, message)
}

fn exclusive(one: &str, other: &str) -> String {
    format!("the variables {one} and {other} exclude each other; unset one of them")
}

fn without_effect(variable: &str, file: &str) -> String {
    format!(
        "the variable {variable} has no effect beside {file}; write the setting into the file, or unset the variable"
    )
}

fn flag_beside_file(command: &Command, flag: &Arg, file: &Arg) -> clap::Error {
    let (flag, file) = (flag.get_long().unwrap_or_default(), named(file));
    let message = format!(
        "--{flag} has no effect beside the variable {file}; write the setting into the file, or unset the variable"
    );
    command.clone().error(ErrorKind::ArgumentConflict, message)
}

fn attached(command: Command, chosen: &str, variables: &BTreeSet<String>) -> Command {
    let own = command.get_name() == chosen;
    let command = command.mut_args(|arg| {
        if !own || !variables.contains(arg.get_id().as_str()) {
            return arg;
        }
        let variable = named(&arg);
        let arg = arg.env(variable).hide_env(true);
        match arg.get_action() {
            // `CARTGATE_EXPLAIN=1`, `=yes`, `=off`.
            ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
            _ => arg,
        }
    });
    command.mut_subcommands(|subcommand| attached(subcommand, chosen, variables))
}

/// Names the variable of a wrong value, and hides a value that may be a secret.
pub(super) fn explained(mut error: clap::Error, definition: &Command) -> clap::Error {
    let every = every_command(definition);
    let args = every.iter().flat_map(|command| command.get_arguments());
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg).cloned() else {
        // A flag is missing, perhaps only because a variable needs it.
        let in_force: Vec<_> = args
            .filter(|arg| arg.get_env().is_some())
            .map(named)
            .collect();
        if error.kind() == ErrorKind::MissingRequiredArgument && !in_force.is_empty() {
            let tip = format!("variables in force: {}", in_force.join(", "));
            error.insert(
                ContextKind::Suggested,
                ContextValue::StyledStrs(vec![tip.into()]),
            );
        }
        return error;
    };
    let flag = shown.split([' ', '=']).next().unwrap_or_default();
    let same: Vec<&Arg> = args
        .filter(|arg| {
            arg.get_long()
                .is_some_and(|long| flag == format!("--{long}"))
        })
        .collect();
    if same.iter().any(|arg| arg.get_env().is_some()) {
        let shown = ContextValue::String(format!("{} ({flag})", variable_of(flag)));
        error.insert(ContextKind::InvalidArg, shown);
    }
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "",
    };
    let confidential = same
        .iter()
        .any(|arg| CONFIDENTIAL.contains(&arg.get_id().as_str()));
    if confidential || value.contains('@') || value.contains("password") {
        let hidden = ContextValue::String("(not shown)".to_owned());
        error.insert(ContextKind::InvalidValue, hidden);
    }
    error
}

/// Whether `serve` accepts this flag beside a configuration file.
pub(super) fn goes_with_a_file(arg: &Arg) -> bool {
    is_file(arg) || OVERRIDES.contains(&arg.get_id().as_str())
}
