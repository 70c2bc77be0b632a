//! `cartgate send`: what can be typed.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use http::{HeaderName, Method};

use super::inputs::{HeaderLine, Input, method, rate};

use crate::{
    client::{Edit, ForgeryKind},
    net::address::Address,
    secret::source::SecretSource,
};

/// The arguments of `cartgate send`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt
      A sample order, signed as Cartfunnel signs.

  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt --event abandoned-cart --method PUT
  cartgate send unix:/run/gate.sock:/webhooks/orders --secret-file secret.txt
  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt --body captured.json
      Other events, methods and places; a body of your own goes out byte for byte.

  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt \\
      --set /order/email=me@example.com --set /order/total:=12.5
      The sample with two fields changed, then signed.

  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt --count 10000 --concurrency 8
      Many, each with an id of its own; shows statuses and latencies.

  cartgate send http://127.0.0.1:8080/ --secret-file secret.txt --forge all
      Forgeries of every kind: a table, exit status 0 only if all were refused.

  cartgate send http://127.0.0.1:8080 --secret-file new.txt --delivery kept/20261124T181614Z-….http
      A delivery that a gate refused and kept, as it was, if the secret verifies it.

Exit status: 0 all answers were 2xx (forgeries: all refused); 1 otherwise, or nobody listens; 2 usage.")]
pub struct SendArgs {
    /// Where to: an http or https URL, with its path; or unix:/SOCKET[:/PATH]
    #[arg(value_name = "URL")]
    pub url: Address,

    /// The file that holds the secret; one newline at its end is ignored. Without it: the variable
    /// CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE")]
    pub secret_file: Option<SecretSource>,

    /// Which sample to send
    #[arg(
        long,
        value_enum,
        default_value_t = SampleEvent::Order,
    )]
    pub event: SampleEvent,

    /// The request's method
    #[arg(
        long,
        default_value = "POST",
        value_parser = method,
    )]
    pub method: Method,

    /// Sends this body instead of a sample, byte for byte: a file, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "set")]
    pub body: Option<Input>,

    /// Sends on a delivery that a gate refused and kept, as it was and under its own signature, if the
    /// secret verifies it; to its own target where URL has no path
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "event", "method", "body", "set", "count", "concurrency", "rate", "forge", "header",
        ],
    )]
    pub delivery: Option<PathBuf>,

    /// Changes a field of the sample: /pointer=text, or /pointer:=json; repeat it for several
    #[arg(long, value_name = "/POINTER=TEXT")]
    pub set: Vec<Edit>,

    /// How many deliveries; samples get an id of their own each
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..),
    )]
    pub count: u64,

    /// How many connections at once
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..),
    )]
    pub concurrency: u16,

    /// At most so many deliveries a second (0.5 is one in two seconds); without it: as fast as
    /// answers come
    #[arg(
        long,
        value_name = "N",
        value_parser = rate,
    )]
    pub rate: Option<f64>,

    /// Sends a forgery of this kind, or `all`: one of each
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

    /// The signature header, for services with the same scheme under another name
    /// (x-shopify-hmac-sha256)
    #[arg(long, value_name = "NAME", default_value = "x-cartfunnel-hmac-sha256")]
    pub header_name: HeaderName,

    /// Adds a header, or replaces one of ours ('Content-Type: text/plain'); repeat it for several
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<HeaderLine>,

    /// How long one delivery may take, connecting included
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = humantime::parse_duration,
    )]
    pub timeout: Duration,

    /// For https: trusts only the authorities in this PEM file, instead of this machine's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Yes, many or forged deliveries may go to a host that is not this machine
    #[arg(long)]
    pub yes: bool,

    /// Prints the results as JSON
    #[arg(long)]
    pub json: bool,
}

/// The samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SampleEvent {
    /// An order was processed
    Order,
    /// A cart was abandoned
    AbandonedCart,
}

/// Which forgeries.
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
    let mut help = String::from("Sends a forgery of this kind, or `all`: one of each\n\nKinds:\n");
    for kind in ForgeryKind::ALL {
        help.push_str(&format!(
            "  {:width$}  {}\n",
            kind.as_str(),
            kind.description()
        ));
    }
    help
}
