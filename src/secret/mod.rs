//! Secrets from files, environment variables and systemd credentials.

pub(crate) mod keyring;
pub(crate) mod private_file;
pub(crate) mod random;
pub mod source;
