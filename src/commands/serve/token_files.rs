//! The files in which a gate leaves its own token for commands of the same user, one per address.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::watch;
use tower_cartgate::Secret;

use super::announce::TARGET;
use crate::{admin::TokenFile, net::listener::Listener, proxy::config::Config};

/// The token files of a gate. They exist while the configuration has no token.
pub(super) struct TokenFiles {
    addresses: Vec<SocketAddr>,
    token: Secret,
    files: Vec<TokenFile>,
}

impl TokenFiles {
    pub(super) fn new(admin: &[Listener], token: &Secret) -> Self {
        let addresses = admin.iter().filter_map(Listener::tcp_address);
        Self {
            addresses: addresses.collect(),
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
            let written = self.addresses.iter().map(|address| self.write(*address));
            self.files = written.flatten().collect();
        }
    }

    fn write(&self, address: SocketAddr) -> Option<TokenFile> {
        TokenFile::write(address, &self.token)
            .inspect_err(|error| {
                tracing::warn!(
                    target: TARGET,
                    %address,
                    %error,
                    "cannot leave the admin token for commands; configure a token to use them"
                );
            })
            .ok()
    }
}
