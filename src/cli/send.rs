//! `cartgate send`: its flags.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use http::{HeaderName, Method};

use super::inputs::{HeaderLine, Input, method, rate};

use crate::{
    client::{Edit, ForgeryKind},
    net::destination_address::Address,
    secret::source::SecretSource,
};

/// The arguments of `cartgate send`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt
      Send a sample order, signed as Cartfunnel signs.

  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt --event abandoned-cart --method PUT
  cartgate send unix:/run/gate.sock:/webhooks/orders --secret-file secret.txt
  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt --body captured.json
      Send another event, another method, to a socket, or a body of your own byte for byte.

  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt \\
      --set /order/email=me@example.com --set /order/total:=12.5
      Change two fields of the sample, then sign it.

  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt --count 10000 --concurrency 8
      Send many, each with an id of its own, and show statuses and latencies.

  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt --forge all
      Send one forgery of each kind and print a table; exit status 0 only if all were rejected.

  cartgate send http://127.0.0.1:8080 --secret-file new.txt --delivery rejected/20261124T181614Z-….http
      Forward a saved rejection unchanged, if the secret verifies it.

Exit status: 0 all responses were 2xx (forgeries: all rejected); 1 otherwise, or no listener; 2 usage error.")]
pub struct SendArgs {
    /// Address: an http or https URL with its path, or unix:/SOCKET[:/PATH]
    #[arg(value_name = "URL")]
    pub url: Address,

    /// File with the secret; one newline at its end is ignored. Without this flag: the variable
    /// CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE")]
    pub secret_file: Option<SecretSource>,

    /// Sample to send
    #[arg(
        long,
        value_enum,
        default_value_t = SampleEvent::Order,
    )]
    pub event: SampleEvent,

    /// Request method
    #[arg(
        long,
        default_value = "POST",
        value_parser = method,
    )]
    pub method: Method,

    /// Body to send instead of a sample, byte for byte: a file, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "set")]
    pub body: Option<Input>,

    /// Saved rejection to forward unchanged, with its own signature, if the secret verifies it.
    /// Without a path in URL, it goes to its own target
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "event", "method", "body", "set", "count", "concurrency", "rate", "forge", "header",
        ],
    )]
    pub delivery: Option<PathBuf>,

    /// Field of the sample to change: /pointer=text, or /pointer:=json; may be repeated
    #[arg(long, value_name = "/POINTER=TEXT")]
    pub set: Vec<Edit>,

    /// Number of deliveries; each sample gets an id of its own
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..),
    )]
    pub count: u64,

    /// Number of connections at a time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..),
    )]
    pub concurrency: u16,

    /// Maximum number of deliveries per second (0.5 is one in two seconds). Without this flag: as
    /// fast as responses arrive
    #[arg(
        long,
        value_name = "N",
        value_parser = rate,
    )]
    pub rate: Option<f64>,

    /// Kind of forgery to send, or `all` for one of each
    #[arg(
        long,
        value_name = "KIND",
        conflicts_with_all = ["count", "concurrency", "rate"],
        value_parser = PossibleValuesParser::new(forge_values())
            .map(|typed| typed.parse::<ForgeChoice>().expect("one of the possible values")),
        hide_possible_values = true,
        long_help = forge_help()
    )]
    pub forge: Option<ForgeChoice>,

    /// Header that carries the signature; other services use the same scheme under another name
    /// (x-shopify-hmac-sha256)
    #[arg(long, value_name = "NAME", default_value = "x-cartfunnel-hmac-sha256")]
    pub header_name: HeaderName,

    /// Header to add or replace ('Content-Type: text/plain'); may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<HeaderLine>,

    /// Time for one delivery, including the connection
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = humantime::parse_duration,
    )]
    pub timeout: Duration,

    /// PEM file with the authorities that may sign the server's certificate (https), instead of
    /// this machine's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Confirm many or forged deliveries to a host other than this machine
    #[arg(long)]
    pub yes: bool,

    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
}

/// The sample events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SampleEvent {
    /// Processed order
    Order,
    /// Abandoned cart
    AbandonedCart,
}

/// The forgeries to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeChoice {
    /// One of each kind.
    All,
    /// One of this kind.
    Only(ForgeryKind),
}

impl FromStr for ForgeChoice {
    type Err = crate::client::UnknownForgery;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        match typed {
            ALL => Ok(Self::All),
            kind => kind.parse().map(Self::Only),
        }
    }
}

const ALL: &str = "all";

fn forge_values() -> Vec<&'static str> {
    let kinds = ForgeryKind::ALL.iter().map(|kind| kind.as_str());
    std::iter::once(ALL).chain(kinds).collect()
}

fn forge_help() -> String {
    let width = ForgeryKind::ALL
        .iter()
        .map(|kind| kind.as_str().len())
        .max()
        .unwrap_or(0);
    let mut help = String::from("Kind of forgery to send, or `all` for one of each\n\nKinds:\n");
    for kind in ForgeryKind::ALL {
        help.push_str(&format!(
            "  {:width$}  {}\n",
            kind.as_str(),
            kind.description()
        ));
    }
    help
}
