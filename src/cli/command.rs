//! The commands of the program.

use clap::{
    Parser, Subcommand,
    builder::{Styles, styling::AnsiColor},
};

use super::{
    alarm::AlarmArgs, check::CheckArgs, completions::CompletionsArgs, console::ConsoleArgs,
    demo::DemoArgs, healthcheck::HealthcheckArgs, inbox::InboxArgs, init::InitArgs, man::ManArgs,
    rejected::RejectedArgs, reload::ReloadArgs, send::SendArgs, serve::ServeArgs, sign::SignArgs,
    status::StatusArgs, verify::VerifyArgs,
};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "cartgate",
    version,
    about = "A gate in front of Cartfunnel webhook receivers: only deliveries with a genuine signature pass",
    after_help = EXAMPLES,
    styles = styles(),
    propagate_version = true,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Demonstrate the gate: a sample app, genuine and forged deliveries, all in one process
    Demo(DemoArgs),
    /// Write a configuration and a secret file: three questions, or flags
    Init(InitArgs),
    /// Run the gate in front of an app
    Serve(Box<ServeArgs>),
    /// Check a configuration file: all mistakes at once, each with its line
    Check(CheckArgs),
    /// Show gate status and open problems
    Status(StatusArgs),
    /// Print a link that opens a gate's web console
    Console(ConsoleArgs),
    /// Reload a gate's configuration without losing a request
    Reload(ReloadArgs),
    /// Report whether the gate of this container is ready
    Healthcheck(HealthcheckArgs),
    /// Inspect and manage the durable inbox: queues, dead letters, backups
    Inbox(Box<InboxArgs>),
    /// List and show the rejected deliveries that a gate saved
    Rejected(Box<RejectedArgs>),
    /// Test the receivers of alarms
    Alarm(AlarmArgs),
    /// Send a signed delivery, many of them, or forgeries
    Send(Box<SendArgs>),
    /// Print the signature of a body, or a ready-to-run curl line
    Sign(SignArgs),
    /// Verify a signature, and name the likely cause of a mismatch
    Verify(VerifyArgs),
    /// Print the completion script for a shell
    Completions(CompletionsArgs),
    /// Write the manual pages, one per command
    Man(ManArgs),
}

const EXAMPLES: &str = "\
Examples:
  cartgate init
      Ask three questions, and write a configuration and a file for the secret.

  cartgate serve
      Run the gate with the configuration in this directory.

  cartgate demo
      Show how it works, with nothing else installed.

  cartgate serve --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3000/webhooks/orders \\
      --secret-file /run/secrets/cartfunnel
      Let only genuine deliveries reach the app on port 3000.

  cartgate send http://127.0.0.1:8080/ --secret-file /run/secrets/cartfunnel
      Send the gate a signed test order.

  cartgate send http://127.0.0.1:8080/ --secret-file /run/secrets/cartfunnel --forge all
      Send the gate one forgery of each kind.

Exit status: 0 done; 1 the result is negative (rejected, not verified, a forgery got in, no listener);
2 usage or configuration error, with the reason on stderr.";

const fn styles() -> Styles {
    Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .usage(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default().bold())
        .placeholder(AnsiColor::Cyan.on_default())
}
