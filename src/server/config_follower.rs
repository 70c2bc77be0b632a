//! Applies each new configuration to a running gate.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::watch;

use super::service_manager::ServiceManager;
use crate::{
    acme::AcmeSettings,
    admin::ReloadHandle,
    inbox::routes::Routes,
    proxy::{
        config::{Config, tls::Tls},
        shared::Shared,
    },
};

/// The parts of a gate that follow its configuration.
pub(super) struct ConfigFollower {
    pub(super) gate: Arc<Shared>,
    /// The routes that the inbox follows.
    pub(super) routes: watch::Sender<Arc<Routes>>,
    /// The settings that the renewal of certificates follows.
    pub(super) acme: watch::Sender<Option<Arc<AcmeSettings>>>,
    pub(super) reloads: Option<ReloadHandle>,
    pub(super) manager: ServiceManager,
}

impl ConfigFollower {
    /// Applies each value of `config`, until its sender is dropped.
    pub(super) async fn run(self, mut config: watch::Receiver<Arc<Config>>) {
        while config.changed().await.is_ok() {
            let new = config.borrow_and_update().clone();
            self.apply(new);
        }
    }

    /// Puts a configuration in force, and reports that only afterwards: a reader of the log line
    /// can rely on it.
    fn apply(&self, new: Arc<Config>) {
        let (endpoints, secrets) = (new.endpoints.iter().count(), secret_names(&new));
        let acme = new.tls.as_ref().and_then(Tls::acme).cloned();
        self.gate.reconfigure(new);
        let routes = self.gate.config().routes();
        self.routes.send_replace(Arc::new(routes));
        self.acme.send_replace(acme);
        tracing::info!(endpoints, secrets, "configuration in force");
        self.manager.ready("serving; reloaded");
        if let Some(reloads) = &self.reloads {
            reloads.report_in_force();
        }
    }
}

/// Returns the names of all secrets, separated by commas.
fn secret_names(config: &Config) -> String {
    let endpoints = config.endpoints.iter();
    let names = endpoints.flat_map(|endpoint| endpoint.policy.keyring().names());
    let names: BTreeSet<_> = names.map(ToString::to_string).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}
