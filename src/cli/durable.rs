//! The inbox of `cartgate serve` and `cartgate inbox`: its flags. A configuration file has more settings.

use std::path::PathBuf;

use clap::Args;

use crate::inbox::settings::StoreAddress;

/// The inbox of `serve`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Durable inbox")]
pub struct DurableArgs {
    /// Store each delivery before it is answered, and deliver it until the app has taken it: sqlite:FILE, or postgres://USER@HOST/DATABASE for several gates
    #[arg(long, value_name = "ADDR")]
    pub inbox: Option<StoreAddress>,

    /// The files that it needs
    #[command(flatten)]
    pub files: StoreFileArgs,
}

/// The files of keys and certificates that a store needs. Each secret can be given as a variable instead.
#[derive(Debug, Clone, Default, Args)]
pub struct StoreFileArgs {
    /// Key that seals stored deliveries; SQLite makes one beside its file, PostgreSQL needs one, the same for each gate. Without it: the variable CARTGATE_INBOX_KEY
    #[arg(
        long,
        value_name = "FILE",
        requires = "inbox",
        conflicts_with = "config"
    )]
    pub inbox_key_file: Option<PathBuf>,

    /// Key that encrypts stored deliveries. Without it: the variable CARTGATE_INBOX_ENCRYPTION_KEY
    #[arg(
        long,
        value_name = "FILE",
        requires = "inbox",
        conflicts_with = "config"
    )]
    pub inbox_encryption_key_file: Option<PathBuf>,

    /// PostgreSQL's password. Without it: the variable CARTGATE_INBOX_PASSWORD
    #[arg(
        long,
        value_name = "FILE",
        requires = "inbox",
        conflicts_with = "config"
    )]
    pub inbox_password_file: Option<PathBuf>,

    /// Believe only PostgreSQL's certificates that the authorities in this PEM file signed
    #[arg(
        long,
        value_name = "FILE",
        requires = "inbox",
        conflicts_with = "config"
    )]
    pub inbox_ca_file: Option<PathBuf>,
}
