//! Checks the configuration of a store without connecting.

use std::path::Path;

use super::{open_error::OpenError, target::Target};

/// Checks everything that [`open`](super::open()) needs of this machine.
///
/// # Errors
///
/// When the URL cannot be used, or the authorities cannot be read.
pub(crate) fn check(address: &str, ca_file: Option<&Path>) -> Result<(), OpenError> {
    Ok(Target::new(address, None, ca_file).map(drop)?)
}
