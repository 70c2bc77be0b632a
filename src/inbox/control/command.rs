//! Orders and their answers, as they are said over the socket. Each is bounded: what concerns many is asked page by page.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    inbox::store::{Cursor, DeliveryRow, Selection, Stats, StoreError},
    runtime::clock::Millis,
};

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// Which deliveries there are.
    List(Page),
    /// One event, with its body or without.
    Show { id: Uuid, body: bool },
    /// Deliver these again, perhaps to another destination.
    Again { page: Page, to: Option<String> },
    /// Remove so many of these.
    Purge { selection: Selection, most: usize },
    /// Write a copy of the store.
    Backup { to: PathBuf },
    /// What there is.
    Stats,
}

/// So many deliveries of a selection, after that place.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) selection: Selection,
    pub(crate) after: Option<Cursor>,
    pub(crate) most: usize,
}

impl Page {
    /// No page is larger, and no order names more events.
    pub(crate) const MOST: usize = 1000;
}

/// What came of an order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    Listed(Vec<DeliveryRow>),
    Shown(Option<Box<Shown>>),
    Again(Again),
    Purged(u64),
    Written,
    Stats(Holdings),
}

/// One event.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) id: Uuid,
    pub(crate) endpoint: String,
    pub(crate) kind: String,
    pub(crate) received: Millis,
    /// Why it cannot be opened, if so: then nobody knows whose bytes those of head and body are, and they are not given.
    pub(crate) broken: Option<String>,
    pub(crate) head: Option<HeadShown>,
    /// In base64, if it was asked for.
    pub(crate) body: Option<String>,
    pub(crate) deliveries: Vec<DeliveryRow>,
}

/// The request that it came by.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeadShown {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) secret: String,
    pub(crate) peer: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// What became of a page of deliveries.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Again {
    pub(crate) done: u64,
    /// In quarantine, where they stay: their seals do not hold.
    pub(crate) quarantined: u64,
    /// Of no destination, or of none that is configured.
    pub(crate) homeless: u64,
    /// Where the next page begins; none after the last one.
    pub(crate) next: Option<Cursor>,
}

/// What a store holds and may hold.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Holdings {
    pub(crate) stats: Stats,
    pub(crate) most_events: u64,
    pub(crate) most_bytes: u64,
    /// Why it acknowledges nothing, if so.
    pub(crate) trouble: Option<String>,
    /// The destinations that are configured, as far as that is known.
    pub(crate) destinations: Option<Vec<String>>,
}

impl Holdings {
    /// Whether the destination is configured, as far as that is known. What none wants, none is to be configured for.
    pub(crate) fn names(&self, queue: &str) -> bool {
        let names = self.destinations.as_ref();
        queue.is_empty() || names.is_none_or(|names| names.iter().any(|name| name == queue))
    }
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no durable destination is called {0:?}")]
    Destination(String),
    #[error("at most {most} events can be named at once", most = Page::MOST)]
    Many,
}
