//! What can be typed: the flags of every command, as typed. No I/O and no meaning here; the
//! folder `commands` resolves and acts.
//!
//! Every flag can also be given as a `CARTGATE_*` variable, whose value `--help` never shows: it
//! may be what nobody should see. A secret is never an argument, because arguments are visible to
//! every user of the machine.

use std::ffi::OsStr;

use clap::builder::styling::AnsiColor;
use clap::builder::{BoolishValueParser, Styles};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::secret_source::SECRET_VARIABLE;

mod check;
mod completions;
mod demo;
mod durable;
mod inbox;
mod inputs;
mod man;
mod reload;
mod send;
mod serve;
mod sign;
mod status;
mod verify;

pub use check::CheckArgs;
pub use completions::CompletionsArgs;
pub use demo::DemoArgs;
pub use durable::DurableArgs;
pub use inbox::{
    AgainArgs, BackupArgs, InboxAt, InboxCommand, InboxOrderArgs, ListArgs, PurgeArgs, RetryArgs,
    SelectionArgs, ShowArgs, StatsArgs, When,
};
pub use inputs::{HeaderLine, Input};
pub use man::ManArgs;
pub use reload::ReloadArgs;
pub use send::{ForgeChoice, SampleEvent, SendArgs};
pub use serve::{
    AdminArgs, ClockArgs, DestinationArgs, EventArgs, LimitArgs, ProcessArgs, ServeArgs, TlsArgs,
};
pub use sign::SignArgs;
pub use status::StatusArgs;
pub use verify::VerifyArgs;

/// Only deliveries with a true Cartfunnel signature pass.
#[derive(Debug, Parser)]
#[command(
    name = "cartgate",
    version,
    about = "A gate in front of Cartfunnel webhook receivers: only deliveries with a true signature pass",
    after_help = EXAMPLES,
    styles = styles(),
    propagate_version = true,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What was typed. Ends the process where that makes no sense, or asks for help.
    #[must_use]
    pub fn parse_typed() -> Self {
        let matches = definition().try_get_matches();
        let typed = matches.and_then(|matches| Self::from_arg_matches(&matches));
        typed.unwrap_or_else(|error| without_value(error).exit())
    }
}

/// A value that makes no sense may still be a password or a token: it is named by its flag alone.
fn without_value(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::ValueValidation {
        let hidden = ContextValue::String("(not shown)".to_owned());
        error.insert(ContextKind::InvalidValue, hidden);
    }
    error
}

/// The whole definition of what can be typed. The one place that gives each flag its variable:
/// `--max-body` is `CARTGATE_MAX_BODY`.
#[must_use]
pub fn definition() -> clap::Command {
    Cli::command().mut_subcommands(with_variables)
}

fn with_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_args(with_variable);
    command.mut_subcommands(with_variables)
}

/// The commands of a definition, and theirs.
pub(crate) fn every_command(definition: &clap::Command) -> Vec<&clap::Command> {
    let own = definition.get_subcommands();
    own.flat_map(|command| std::iter::once(command).chain(every_command(command)))
        .collect()
}

fn with_variable(arg: Arg) -> Arg {
    let Some(flag) = arg.get_long() else {
        return arg;
    };
    let variable = format!("CARTGATE_{}", flag.to_ascii_uppercase().replace('-', "_"));
    let arg = arg.env(variable).hide_env_values(true);
    match arg.get_action() {
        // `CARTGATE_EXPLAIN=1`, `=yes`, `=off`.
        ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
        _ => arg,
    }
}

/// A line for each `CARTGATE_*` variable that nothing reads: most likely a flag's name with a slip in it, whose setting is
/// not in force. `also` names those that a configuration takes secrets from.
#[must_use]
pub fn unknown_variables(also: &[&str]) -> Vec<String> {
    let definition = definition();
    let known: Vec<&OsStr> = every_command(&definition)
        .into_iter()
        .flat_map(clap::Command::get_arguments)
        .filter_map(Arg::get_env)
        .chain([OsStr::new(SECRET_VARIABLE)])
        .chain(also.iter().map(OsStr::new))
        .collect();
    let set = std::env::vars_os().map(|(name, _)| name);
    let unknown = set.filter(|name| {
        name.as_encoded_bytes().starts_with(b"CARTGATE_") && !known.contains(&name.as_os_str())
    });
    unknown
        .map(|name| {
            let name = name.to_string_lossy();
            format!(
                "the variable {} is none that cartgate reads",
                name.escape_debug()
            )
        })
        .collect()
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows it working: sample app, gate, genuine and forged deliveries, all in one process
    Demo(DemoArgs),
    /// Runs the gate in front of an app
    Serve(Box<ServeArgs>),
    /// Judges a configuration file: all mistakes at once, each with its line
    Check(CheckArgs),
    /// Shows how gates are, and what needs a person
    Status(StatusArgs),
    /// Reload a gate's configuration without losing a request
    Reload(ReloadArgs),
    /// Looks after the durable inbox: what waits, dead letters, backups
    Inbox(Box<InboxOrderArgs>),
    /// Sends a signed delivery, many of them, or forgeries
    Send(Box<SendArgs>),
    /// Prints the signature of a body, or a ready curl line
    Sign(SignArgs),
    /// Judges a signature, and says what is probably wrong with a false one
    Verify(VerifyArgs),
    /// Prints the completion script for a shell
    Completions(CompletionsArgs),
    /// Writes the manual pages, one a command
    Man(ManArgs),
}

const EXAMPLES: &str = "\
Examples:
  cartgate demo
      See it work, with nothing else installed.

  cartgate serve --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3000/webhooks/orders \\
      --secret-file /run/secrets/cartfunnel
      Let only true deliveries reach the app on port 3000.

  cartgate send http://127.0.0.1:8080/ --secret-file /run/secrets/cartfunnel
      Send the gate a signed test order.

  cartgate send http://127.0.0.1:8080/ --secret-file /run/secrets/cartfunnel --forge all
      Try to get forgeries through it.

Exit status: 0 done; 1 the answer is no (refused, not verified, a forgery got in, nobody listens);
2 usage or configuration, with the reason on stderr.";

const fn styles() -> Styles {
    Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .usage(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default().bold())
        .placeholder(AnsiColor::Cyan.on_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn every_flag_has_a_variable_whose_value_help_never_shows() {
        let mut flags = 0;
        for command in every_command(&definition()) {
            for flag in command.get_arguments().filter(|arg| !arg.is_positional()) {
                let at = format!("{} --{}", command.get_name(), flag.get_id());
                let variable = flag
                    .get_env()
                    .unwrap_or_else(|| panic!("{at}: no variable"));
                assert!(variable.to_string_lossy().starts_with("CARTGATE_"), "{at}");
                assert_ne!(variable, SECRET_VARIABLE, "{at}");
                assert!(flag.is_hide_env_values_set(), "{at}: shows its value");
                flags += 1;
            }
        }
        assert!(flags > 20, "only {flags} flags were looked at");
    }

    #[test]
    fn every_command_teaches_by_example() {
        let mut definition = definition();
        // Only then do the commands know by which words they are called.
        definition.build();
        for command in every_command(&definition) {
            let after = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let example = command.get_bin_name().expect("it was built");
            assert!(
                after.contains(example),
                "{}: no example",
                command.get_name()
            );
        }
    }
}
