//! Opens an inbox: its store, and the key with which the store was begun.

use std::{path::Path, sync::Arc};

use tower_cartgate::Secret;

use super::{
    attempt_history::AttemptHistory,
    handle::Inbox,
    key::{self, KEY_CHECK},
    meter::InboxMeter,
    open_error::{OpenError, OpenErrorKind},
    settings::{Limits, Settings},
    store::{Store, StoreError, StoreMeter, postgres, sqlite},
};
use crate::{
    delivery::seal::{DeliverySeals, Sealer},
    inbox::store_address::StoreAddress,
    runtime::{background::run_on_thread, clock::Clock},
};

impl Inbox {
    /// Opens the store, or makes a new one.
    ///
    /// Must run on a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// When the store cannot be used, is in use, or has another key.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        Ok(open(settings).await?)
    }
}

async fn open(settings: Settings) -> Result<Inbox, OpenErrorKind> {
    let meter = Arc::new(StoreMeter::default());
    let (store, key) = match &settings.store {
        StoreAddress::Sqlite(file) => open_file(file, &settings, &meter).await?,
        StoreAddress::Postgres(url) => {
            let key = settings.key.clone().ok_or(OpenErrorKind::NoKey)?;
            let store = postgres::open(
                url,
                settings.password.as_ref(),
                settings.ca_file.as_deref(),
                &settings.limits,
                DeliverySeals::new(&key),
                Clock::System,
                Arc::clone(&meter),
            );
            (store.await?, key)
        }
    };
    let sealer = Sealer::new(&key, settings.encryption.as_ref());
    let known = store.init_meta(KEY_CHECK, sealer.check().to_vec()).await;
    let known = known.map_err(|error| OpenErrorKind::Store(settings.store.clone(), error))?;
    if known != sealer.check() {
        return Err(OpenErrorKind::OtherKey(settings.store));
    }
    Ok(Inbox {
        store,
        sealer,
        meter: Arc::new(InboxMeter::new(meter)),
        attempts: AttemptHistory::default(),
        settings,
    })
}

/// Opens a file on a thread of its own, because it may take long.
async fn open_file(
    file: &Path,
    settings: &Settings,
    meter: &Arc<StoreMeter>,
) -> Result<(Arc<dyn Store>, Secret), OpenErrorKind> {
    let (file, limits, key) = (file.to_owned(), settings.limits, settings.key.clone());
    let meter = Arc::clone(meter);
    let opened = run_on_thread(move || open_with_key(&file, key, &limits, meter));
    opened.await.map_err(|undone| {
        let error = StoreError::Unavailable(undone.into_error().to_string());
        OpenErrorKind::Store(settings.store.clone(), error)
    })?
}

/// Opens a file with the given key, or the one beside it. A new store gets its key first: a crash
/// must not leave a store without its key, which could never be opened.
fn open_with_key(
    file: &Path,
    given: Option<Secret>,
    limits: &Limits,
    meter: Arc<StoreMeter>,
) -> Result<(Arc<dyn Store>, Secret), OpenErrorKind> {
    let key = match given {
        Some(key) => key,
        None => key::beside(file, !file.exists())?,
    };
    let store = sqlite::open(file, limits, DeliverySeals::new(&key), Clock::System, meter)?;
    Ok((store, key))
}
