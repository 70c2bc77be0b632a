//! `cartgate verify`: what can be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use http::HeaderName;

use super::inputs::Input;
use crate::secret::source::SecretSource;

/// The arguments of `cartgate verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cartgate verify --secret-file secret.txt --signature 'mXq…=' body.json
      Is this the body's signature? Where it is not, the likely reason is named.

  cartgate verify --secret-file new=new.txt --secret-file old=old.txt --signature 'mXq…=' < body.json
      By which of two secrets?

  cartgate verify --secret-file secret.txt --delivery kept/20261124T181614Z-….http
      What is wrong with a delivery that a gate refused and kept?

Exit status: 0 the signature is true; 1 it is not; 2 usage.")]
pub struct VerifyArgs {
    /// A file that holds a secret; repeat it for several. Without it: the variable CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE", value_delimiter = ',')]
    pub secret_file: Vec<SecretSource>,

    /// The header's value as it was received; leave it out if there was no header
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub signature: Option<OsString>,

    /// A delivery that a gate refused and kept, with its own signature and body
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signature", "body"])]
    pub delivery: Option<PathBuf>,

    /// The signature header of a kept delivery, for services with the same scheme under another name
    /// (x-shopify-hmac-sha256)
    #[arg(long, value_name = "NAME", default_value = "x-cartfunnel-hmac-sha256")]
    pub header_name: HeaderName,

    /// Prints the verdict as JSON
    #[arg(long)]
    pub json: bool,

    /// The body as it was received, byte for byte: a file, or - for standard input
    #[arg(value_name = "BODY", default_value = "-")]
    pub body: Input,
}
