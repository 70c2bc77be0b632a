//! Commands on an inbox, as the control socket carries them. Each is bounded: a large selection is
//! worked off page by page.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::inbox::store::{Cursor, Selection};

/// A command on an inbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// List deliveries.
    List(Page),
    /// Show one event, with or without its body.
    Show { id: Uuid, body: bool },
    /// Deliver a page of deliveries again, perhaps to another destination.
    #[serde(rename = "again")]
    Requeue { page: Page, to: Option<String> },
    /// Remove up to `most` selected deliveries.
    Purge { selection: Selection, most: usize },
    /// Write a copy of the store.
    Backup { to: PathBuf },
    /// Show what the store holds.
    Stats,
}

/// Up to `most` selected deliveries after a cursor.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) selection: Selection,
    pub(crate) after: Option<Cursor>,
    pub(crate) most: usize,
}

impl Page {
    /// The largest page, and the largest number of events that a command may name.
    pub(crate) const MOST: usize = 1000;
}
