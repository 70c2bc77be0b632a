//! The command line: the flags of every command, as typed. This module does no I/O beyond reading the environment; the folder
//! `commands` resolves the flags and acts.
//!
//! `variables` gives flags their `CARTGATE_*` variables, whose values `--help` never shows. A secret is never an argument,
//! because every user of the machine sees arguments.

use std::ffi::OsString;
use std::path::Path;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

mod admin;
mod check;
mod completions;
mod demo;
mod durable;
pub(crate) mod from_flags;
mod inbox;
mod inputs;
mod man;
pub(crate) mod overrides;
mod refused;
mod reload;
mod send;
mod serve;
mod sign;
pub mod source;
mod status;
mod unused;
mod variables;
mod verify;

pub use admin::AdminArgs;
pub use check::CheckArgs;
pub use completions::CompletionsArgs;
pub use demo::DemoArgs;
pub use durable::{DurableArgs, StoreFileArgs};
pub use inbox::{
    AgainArgs, BackupArgs, InboxAt, InboxCommand, InboxOrderArgs, ListArgs, PurgeArgs, RetryArgs,
    SelectionArgs, ShowArgs, StatsArgs, When,
};
pub use inputs::{HeaderLine, Input};
pub use man::ManArgs;
pub use refused::{RefusedArgs, RefusedAt, RefusedCommand, RefusedListArgs, RefusedShowArgs};
pub use reload::ReloadArgs;
pub use send::{ForgeChoice, SampleEvent, SendArgs};
pub use serve::{
    ClockArgs, DestinationArgs, EventArgs, LimitArgs, ProcessArgs, ServeArgs, TlsArgs,
};
pub use sign::SignArgs;
pub use status::StatusArgs;
pub use unused::unused_variables;
pub use variables::Given;
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
    /// Parses the arguments and variables of this process. Ends the process if they make no sense, or ask for help.
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
    parsed.map_err(|error| variables::explained(error, &definition))
}

/// The arguments of `serve --config FILE` in this environment.
///
/// # Errors
///
/// When a variable has a wrong value, or no effect beside a file.
pub fn serve_with_file(file: &Path) -> Result<ServeArgs, clap::Error> {
    parse(&with_file(file)).map(served)
}

/// The arguments of `serve --config FILE` where no variable is set.
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
        _ => unreachable!("`serve` was typed"),
    }
}

/// The whole definition of the command line.
#[must_use]
pub fn definition() -> clap::Command {
    let command = Cli::command().mut_subcommand("serve", |serve| {
        serve.mut_args(|arg| match variables::goes_with_a_file(&arg) {
            true => arg,
            false => arg.conflicts_with("config"),
        })
    });
    variables::documented(command)
}

/// The commands of a definition, and theirs.
pub(crate) fn every_command(definition: &clap::Command) -> Vec<&clap::Command> {
    let own = definition.get_subcommands();
    own.flat_map(|command| std::iter::once(command).chain(every_command(command)))
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
    /// List and show the rejected deliveries that a gate saved
    Refused(Box<RefusedArgs>),
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
