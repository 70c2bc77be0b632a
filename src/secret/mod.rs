//! Secrets: files, environment variables and credentials.

pub(crate) mod keyring;
pub(crate) mod private_file;
pub mod source;
