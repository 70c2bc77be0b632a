//! `cartgate sign`: its flags.

use clap::Args;
use http::{HeaderName, Method};

use super::inputs::{Input, method};

use crate::{net::destination_address::Address, secret::source::SecretSource};

/// The arguments of `cartgate sign`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate sign --secret-file secret.txt order.json
      Print the value for X-Cartfunnel-Hmac-SHA256.

  printf '%s' '{\"id\":1}' | cartgate sign --secret-file secret.txt
      Sign a body from a pipe (echo would add a newline, which would be signed, too).

  cartgate sign --secret-file secret.txt --curl http://127.0.0.1:8080/ order.json
      Print a curl line that sends the file with its signature; run it with: eval \"$(cartgate sign …)\"")]
pub struct SignArgs {
    /// File with the secret; one newline at its end is ignored. Without this flag: the variable
    /// CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE")]
    pub secret_file: Option<SecretSource>,

    /// Address for a curl line that sends the body
    #[arg(long, value_name = "URL")]
    pub curl: Option<Address>,

    /// Method of the curl line
    #[arg(
        long,
        default_value = "POST",
        value_parser = method,
    )]
    pub method: Method,

    /// Signature header of the curl line; other services use the same scheme under another name
    /// (x-shopify-hmac-sha256)
    #[arg(
        long,
        visible_alias = "header",
        value_name = "NAME",
        default_value = "x-cartfunnel-hmac-sha256"
    )]
    pub header_name: HeaderName,

    /// Body to sign, byte for byte: a file, or - for standard input
    #[arg(value_name = "BODY", default_value = "-")]
    pub body: Input,
}
