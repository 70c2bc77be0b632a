//! The records of the alarms in the store of the inbox, as a gate has read them at its last look.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{alarm::record::AlarmRecord, inbox::store::Store};

/// The beginning of the names of all records in a store.
pub(super) const PREFIX: &str = "alarm:";

/// The time within which a store must respond.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The place of the records.
pub(super) struct Records {
    store: Option<Arc<dyn Store>>,
    /// The records by their names; none if the store cannot be read.
    all: Option<BTreeMap<String, Vec<u8>>>,
    /// Whether no write of this look has failed.
    is_writable: bool,
}

/// A record that a gate remembers.
#[derive(Debug, Clone)]
pub(super) struct KnownRecord {
    pub(super) record: AlarmRecord,
    /// Whether the store has it.
    pub(super) is_stored: bool,
}

/// The end of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Stored,
    /// Another gate has changed the record since this one has read it.
    Outdated,
    /// There is no store, or it cannot be used.
    Failed,
}

impl Records {
    pub(super) fn new(store: Option<Arc<dyn Store>>) -> Self {
        Self {
            store,
            all: None,
            is_writable: false,
        }
    }

    /// Whether there is a store, even if it cannot be used.
    pub(super) fn have_store(&self) -> bool {
        self.store.is_some()
    }

    /// Reads the records of all receivers.
    pub(super) async fn read(&mut self) {
        self.all = None;
        if let Some(store) = &self.store
            && let Ok(Ok(all)) = timeout(TIMEOUT, store.list_meta(PREFIX)).await
        {
            self.all = Some(all.into_iter().collect());
        }
        self.is_writable = self.all.is_some();
    }

    /// Returns the names of all records in the store.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.all.iter().flat_map(BTreeMap::keys)
    }

    /// Returns the record that counts. While the store can be read, that is the stored one, unless
    /// the gate has changed its own later and could not store it. Otherwise it is the known one.
    pub(super) fn present(&self, known: Option<&KnownRecord>, name: &str) -> Option<KnownRecord> {
        let Some(all) = &self.all else {
            return known.cloned();
        };
        let stored = all.get(name).and_then(|json| {
            let record = serde_json::from_slice(json).ok()?;
            let is_stored = true;
            Some(KnownRecord { record, is_stored })
        });
        let unstored = known.filter(|one| !one.is_stored).cloned();
        let both = stored.into_iter().chain(unstored);
        both.max_by_key(|one| one.record.touched_at())
    }

    /// Replaces a record, or removes it. After a failure, the store is not asked again in this look,
    /// so that a store that hangs delays the alarms once.
    pub(super) async fn replace(&mut self, name: &str, record: Option<&AlarmRecord>) -> Written {
        let (Some(store), Some(all), true) = (&self.store, &mut self.all, self.is_writable) else {
            return Written::Failed;
        };
        let (expected, json) = (all.get(name).cloned(), record.map(encode));
        let replaced = store.replace_meta(name.to_owned(), expected, json.clone());
        match timeout(TIMEOUT, replaced).await {
            Ok(Ok(true)) => {
                match json {
                    Some(json) => all.insert(name.to_owned(), json),
                    None => all.remove(name),
                };
                Written::Stored
            }
            Ok(Ok(false)) => Written::Outdated,
            Ok(Err(_)) | Err(_) => {
                self.is_writable = false;
                Written::Failed
            }
        }
    }
}

fn encode(record: &AlarmRecord) -> Vec<u8> {
    serde_json::to_vec(record).expect("a record can be written as JSON")
}
