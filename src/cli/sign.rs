//! `cartgate sign`: what can be typed.

use clap::Args;
use http::{HeaderName, Method};

use super::inputs::{Input, method};

use crate::{net::address::Address, secret::source::SecretSource};

/// The arguments of `cartgate sign`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate sign --secret-file secret.txt order.json
      The value for X-Cartfunnel-Hmac-SHA256.

  printf '%s' '{\"id\":1}' | cartgate sign --secret-file secret.txt
      The same for a body from a pipe (echo would add a newline, which is signed too).

  cartgate sign --secret-file secret.txt --curl http://127.0.0.1:8080/ order.json
      A curl line that sends the file with its signature; run it with: eval \"$(cartgate sign …)\"")]
pub struct SignArgs {
    /// The file that holds the secret; one newline at its end is ignored. Without it: the variable
    /// CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE")]
    pub secret_file: Option<SecretSource>,

    /// Prints a curl line that sends the body to this address
    #[arg(long, value_name = "URL")]
    pub curl: Option<Address>,

    /// The curl line's method
    #[arg(
        long,
        default_value = "POST",
        value_parser = method,
    )]
    pub method: Method,

    /// The curl line's signature header, for services with the same scheme under another name
    /// (x-shopify-hmac-sha256)
    #[arg(
        long,
        visible_alias = "header",
        value_name = "NAME",
        default_value = "x-cartfunnel-hmac-sha256"
    )]
    pub header_name: HeaderName,

    /// The body to sign, byte for byte: a file, or - for standard input
    #[arg(value_name = "BODY", default_value = "-")]
    pub body: Input,
}
