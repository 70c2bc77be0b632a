//! The files in which a gate leaves its own token for commands of the same user, one per port.

use std::sync::Arc;

use tokio::sync::watch;
use tower_cartgate::Secret;

use super::announce::TARGET;
use crate::{admin::TokenFile, net::listener::Listener, proxy::config::Config};

/// The token files of a gate. They exist while the configuration has no token.
pub(super) struct TokenFiles {
    ports: Vec<u16>,
    token: Secret,
    files: Vec<TokenFile>,
}

impl TokenFiles {
    pub(super) fn new(admin: &[Listener], token: &Secret) -> Self {
        let addresses = admin.iter().filter_map(Listener::tcp_address);
        let mut ports: Vec<_> = addresses.map(|address| address.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        Self {
            ports,
            token: token.clone(),
            files: Vec::new(),
        }
    }

    /// Applies each configuration, until its sender is dropped.
    pub(super) async fn run(mut self, mut config: watch::Receiver<Arc<Config>>) {
        while config.changed().await.is_ok() {
            let new = config.borrow_and_update().clone();
            self.follow(&new);
        }
    }

    /// Writes or removes the files, as the configuration demands.
    pub(super) fn follow(&mut self, config: &Config) {
        if config.admin.token.is_some() {
            self.files.clear();
        } else if self.files.is_empty() {
            let written = self.ports.iter().map(|port| self.write(*port));
            self.files = written.flatten().collect();
        }
    }

    fn write(&self, port: u16) -> Option<TokenFile> {
        TokenFile::write(port, &self.token)
            .inspect_err(|error| {
                tracing::warn!(
                    target: TARGET,
                    port,
                    %error,
                    "cannot leave the admin token for commands; configure a token to use them"
                );
            })
            .ok()
    }
}
