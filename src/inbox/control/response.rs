//! The responses to commands, as the control socket carries them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    inbox::store::{Cursor, DeliveryRow, Stats},
    runtime::clock::Millis,
};

/// The response to a [`Command`](super::command::Command).
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CommandResponse {
    Listed(Vec<DeliveryRow>),
    Shown(Option<Box<EventDetails>>),
    #[serde(rename = "again")]
    Requeued(Requeued),
    Purged(u64),
    Written,
    Stats(InboxStats),
}

/// One stored event.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventDetails {
    pub(crate) id: Uuid,
    pub(crate) endpoint: String,
    pub(crate) kind: String,
    pub(crate) received: Millis,
    /// The reason why the event cannot be opened. Its head and body are then left out, because they
    /// may be forged.
    pub(crate) broken: Option<String>,
    pub(crate) head: Option<HeadDetails>,
    /// The body in Base64, if the command asks for it.
    pub(crate) body: Option<String>,
    pub(crate) deliveries: Vec<DeliveryRow>,
}

/// The head of the request that delivered an event.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeadDetails {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) secret: String,
    pub(crate) peer: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// The result for one page of deliveries to requeue.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Requeued {
    /// Deliveries that are due now.
    pub(crate) done: u64,
    /// Deliveries that stay in quarantine, because their seals do not hold.
    pub(crate) quarantined: u64,
    /// Deliveries without a destination, or of one that is not configured.
    #[serde(rename = "homeless")]
    pub(crate) unserved: u64,
    /// The cursor of the next page, unless this was the last.
    pub(crate) next: Option<Cursor>,
}

/// The content and the limits of a store.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct InboxStats {
    pub(crate) stats: Stats,
    pub(crate) most_events: u64,
    pub(crate) most_bytes: u64,
    /// The reason why the store acknowledges nothing.
    #[serde(rename = "trouble")]
    pub(crate) outage: Option<String>,
    /// The configured destinations, if they are known.
    pub(crate) destinations: Option<Vec<String>>,
}

impl InboxStats {
    /// Returns whether a destination is configured, as far as that is known. The queue without a
    /// name needs no destination.
    pub(crate) fn is_configured(&self, queue: &str) -> bool {
        let names = self.destinations.as_ref();
        queue.is_empty() || names.is_none_or(|names| names.iter().any(|name| name == queue))
    }
}
