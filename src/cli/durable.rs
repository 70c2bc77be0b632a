//! The inbox of `cartgate serve`: what can be typed. A file says more.

use std::path::PathBuf;

use clap::Args;

use crate::inbox::settings::StoreAddress;

/// The inbox.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Durable inbox")]
pub struct DurableArgs {
    /// Store each delivery before it is answered, and deliver it until the app has taken it: sqlite:FILE, or postgres://USER@HOST/DATABASE for several gates
    #[arg(long, value_name = "ADDR")]
    pub inbox: Option<StoreAddress>,

    /// The key that seals stored deliveries; SQLite makes one beside its file, PostgreSQL needs one, the same for each gate
    #[arg(long, value_name = "FILE", requires = "inbox")]
    pub inbox_key_file: Option<PathBuf>,

    /// The file that holds PostgreSQL's password
    #[arg(long, value_name = "FILE", requires = "inbox")]
    pub inbox_password_file: Option<PathBuf>,
}
