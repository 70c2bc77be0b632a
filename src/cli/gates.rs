//! The gates that `cartgate status` and `cartgate reload` ask, by their admin listeners.

use clap::Args;

use crate::{net::destination_address::Address, secret::source::SecretSource};

/// The gates to ask.
#[derive(Debug, Args)]
pub struct GatesArgs {
    /// Admin listeners of the gates: http://HOST:PORT or unix:/SOCKET
    #[arg(
        value_name = "URL",
        default_value = "http://127.0.0.1:9180",
        value_parser = without_path,
    )]
    pub addresses: Vec<Address>,

    /// File with the token of the admin listeners; one newline at its end is ignored. Without this
    /// flag: the variable CARTGATE_ADMIN_TOKEN, or the token that a gate of this user has made
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<SecretSource>,
}

/// Parses the address of a listener, which has no path.
pub(super) fn without_path(typed: &str) -> Result<Address, String> {
    let address: Address = typed.parse().map_err(|error| format!("{error}"))?;
    match address.target() {
        Some(path) if path != "/" => Err("name the admin listener, without a path".to_owned()),
        _ => Ok(address),
    }
}
