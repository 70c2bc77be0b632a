//! Checks the configuration of a store without connecting.

use std::path::Path;

use super::{
    open_error::OpenError,
    target::Target,
    url::{self, UrlError},
};

/// Checks a URL by its text.
///
/// # Errors
///
/// When the URL cannot work, or would carry the password in clear text beyond this machine.
pub(crate) fn check_url(url: &str, has_ca_file: bool) -> Result<(), UrlError> {
    url::parse(url, has_ca_file).map(drop)
}

/// Checks everything that [`open`](super::open()) needs of this machine.
///
/// # Errors
///
/// When the URL cannot be used, or the authorities cannot be read.
pub(crate) fn check(address: &str, ca_file: Option<&Path>) -> Result<(), OpenError> {
    Ok(Target::new(address, None, ca_file).map(drop)?)
}
