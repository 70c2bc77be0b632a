//! The admin flags of `cartgate serve`.

use std::path::PathBuf;

use clap::Args;

use crate::{config::value, endpoint::Host, net::listener::ListenAddress};

/// The admin listener and the health path.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Health")]
pub struct AdminArgs {
    /// Answer operators and their tools on this address: /healthz, /readyz, /metrics, and what `cartgate status` shows (127.0.0.1:9180, unix:/path)
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<ListenAddress>,

    /// Ask them for the bearer token in this file; needed beyond loopback. Without it: the variable CARTGATE_ADMIN_TOKEN
    #[arg(long, value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,

    /// A name by which they may call that address, beside addresses and `localhost`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub admin_host: Vec<Host>,

    /// Answer health checks (GET, HEAD, OPTIONS) on this path of the public port: 200, or 503 while the gate drains
    #[arg(long, value_name = "PATH", value_parser = value::health_path)]
    pub health_path: Option<String>,
}
