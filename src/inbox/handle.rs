//! The inbox of a running gate.

use std::sync::Arc;

use tower_cartgate::Secret;

use super::{
    attempt_history::AttemptHistory,
    meter::InboxMeter,
    settings::Settings,
    store::{Store, StoreError, StoreFuture},
};
use crate::delivery::{
    event::{Arrival, InsertOutcome},
    seal::Sealer,
};

/// An open inbox: its store, the sealer of the events in it, and the last attempts.
#[derive(Debug)]
pub struct Inbox {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sealer: Sealer,
    pub(crate) meter: Arc<InboxMeter>,
    pub(crate) attempts: AttemptHistory,
    pub(crate) settings: Settings,
}

impl Inbox {
    /// Stores an event, and returns once it is committed and synced. If the future is dropped, the
    /// commit goes on. `memory` is dropped with the body.
    pub(crate) fn insert(
        &self,
        arrival: Arrival,
        memory: Box<dyn Send>,
    ) -> StoreFuture<'static, InsertOutcome> {
        self.store.insert(arrival, memory)
    }

    /// Reads the store's statistics into the meter, unless that was done just now.
    pub(crate) async fn refresh_meter(&self) {
        self.meter.refresh(&*self.store).await;
    }

    /// Applies reloaded settings as far as a running store can: the login of its database. Returns
    /// a line for each change that needs a restart, and for a login that fails.
    pub(crate) async fn reload(&self, settings: &Settings) -> Vec<String> {
        let mut lines = Vec::new();
        if settings.store == self.settings.store
            && let Err(error) = self.store.renew_login(settings).await
        {
            lines.push(format!(
                "inbox: the new login does not work, open sessions stay: {error}"
            ));
        }
        let bytes =
            |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_vec());
        let (new, own) = (settings, &self.settings);
        for (name, new, own) in [
            ("inbox.key", &new.key, &own.key),
            ("inbox.encryption_key", &new.encryption, &own.encryption),
        ] {
            if bytes(new) != bytes(own) {
                lines.push(format!("{name}: only a restart applies this change"));
            }
        }
        lines
    }

    /// Returns the reason why the store acknowledges nothing.
    pub(crate) fn outage(&self) -> Option<StoreError> {
        self.store.outage()
    }
}
