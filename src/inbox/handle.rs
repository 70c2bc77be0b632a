//! The inbox of a running gate: its store, and what seals and opens the events in it.

use std::sync::Arc;

use tower_cartgate::Secret;

use super::{
    Settings,
    store::{Store, StoreError, StoreFuture},
};
use crate::{
    delivery::{
        event::{Arrival, InsertOutcome},
        seal::Sealer,
    },
    inbox::meter::InboxMeter,
};

/// An open inbox.
#[derive(Debug)]
pub struct Inbox {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sealer: Sealer,
    pub(crate) meter: Arc<InboxMeter>,
    pub(crate) settings: Settings,
}

impl Inbox {
    /// Keeps an event: ready once it is committed and synced. The commit goes on without whoever waits for it.
    pub(crate) fn keep(
        &self,
        arrival: Arrival,
        held: Box<dyn Send>,
    ) -> StoreFuture<'static, InsertOutcome> {
        self.store.insert(arrival, held)
    }

    /// Looks what it holds, unless that was done just now.
    pub(crate) async fn look(&self) {
        self.meter.refresh(&*self.store).await;
    }

    /// Follows the settings of a reload as far as a running store can: the login of its database. A line for each change that
    /// only a restart applies, and for a login that does not work.
    pub(crate) async fn follow(&self, settings: &Settings) -> Vec<String> {
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
                lines.push(format!(
                    "{name}: a change of this is taken up only by a restart"
                ));
            }
        }
        lines
    }

    /// Why it acknowledges nothing, if it does not.
    pub(crate) fn trouble(&self) -> Option<StoreError> {
        self.store.outage()
    }
}
