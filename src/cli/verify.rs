//! `cartgate verify`: its flags.

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
      Verify the signature of a body. For a mismatch, print the likely cause.

  cartgate verify --secret-file new=new.txt --secret-file old=old.txt --signature 'mXq…=' < body.json
      Print which of two secrets made the signature.

  cartgate verify --secret-file secret.txt --delivery rejected/20261124T181614Z-….http
      Print the likely cause of a saved rejection.

Exit status: 0 the signature is genuine; 1 it is not; 2 usage error.")]
pub struct VerifyArgs {
    /// File with a secret; may be repeated. Without this flag: the variable CARTGATE_SECRET
    #[arg(long, value_name = "[NAME=]FILE", value_delimiter = ',')]
    pub secret_file: Vec<SecretSource>,

    /// Received header value; omit it if there was no header
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub signature: Option<OsString>,

    /// Saved rejection, with its own signature and body
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signature", "body"])]
    pub delivery: Option<PathBuf>,

    /// Signature header of a saved rejection; other services use the same scheme under another name
    /// (x-shopify-hmac-sha256)
    #[arg(long, value_name = "NAME", default_value = "x-cartfunnel-hmac-sha256")]
    pub header_name: HeaderName,

    /// Print the verdict as JSON
    #[arg(long)]
    pub json: bool,

    /// Received body, byte for byte: a file, or - for standard input
    #[arg(value_name = "BODY", default_value = "-")]
    pub body: Input,
}
