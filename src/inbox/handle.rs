//! The inbox of a running gate: its store, and what seals and opens the events in it.

use std::sync::Arc;

use super::{
    Settings,
    event::{Arrival, Kept},
    seal::Sealer,
    store::{Answer, Store, StoreError},
};
use crate::metrics::InboxMeter;

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
    pub(crate) fn keep(&self, arrival: Arrival, held: Box<dyn Send>) -> Answer<'static, Kept> {
        self.store.keep(arrival, held)
    }

    /// Looks what it holds, unless that was done just now.
    pub(crate) async fn look(&self) {
        self.meter.refresh(&*self.store).await;
    }

    /// Why it acknowledges nothing, if it does not.
    pub(crate) fn trouble(&self) -> Option<StoreError> {
        self.store.trouble()
    }
}
