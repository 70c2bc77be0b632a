//! Opens an inbox: its store, whichever engine it is, and its key, which must be the one that the store was begun with.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tower_cartgate::Secret;

use super::{
    Inbox, Settings,
    key::{self, KeyError},
    settings::{Limits, StoreAddress},
    store::{Store, StoreError, StoreMeter, postgres, sqlite},
};
use crate::{
    delivery::seal::{DeliverySeals, Sealer},
    inbox::meter::InboxMeter,
    runtime::{background::run_on_thread, clock::Clock},
};

/// The name of the fact by which a store knows its key.
pub(super) const KEY_CHECK: &str = "key";

/// An inbox cannot be opened: a line that says what to do.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct OpenError(#[from] pub(super) Why);

#[derive(Debug, thiserror::Error)]
pub(super) enum Why {
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the inbox in PostgreSQL needs a key of the seals, the same for each gate")]
    NoKey,
    #[error(
        "the inbox {0} was begun with another key: its events would all look forged; give it the key that it had"
    )]
    OtherKey(StoreAddress),
    #[error("the socket {} cannot be made: {error}", .path.display())]
    Orders { path: PathBuf, error: io::Error },
    #[error("the inbox {0} cannot be opened: {1}")]
    Store(StoreAddress, StoreError),
}

impl OpenError {
    /// Whether another process has the file, which may end soon or answer on its socket.
    pub(crate) fn is_in_use(&self) -> bool {
        let Why::Sqlite(error) = &self.0 else {
            return false;
        };
        matches!(error.why, sqlite::Why::InUse)
    }
}

impl Inbox {
    /// Opens the store, or makes it where there is none yet.
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

async fn open(settings: Settings) -> Result<Inbox, Why> {
    let meter = Arc::new(StoreMeter::default());
    let (store, key) = match &settings.store {
        StoreAddress::Sqlite(file) => {
            let (file, limits, key) = (file.clone(), settings.limits, settings.key.clone());
            let meter = Arc::clone(&meter);
            let opened = run_on_thread(move || in_file(&file, key, &limits, meter));
            opened.await.map_err(|undone| {
                let error = StoreError::Unavailable(undone.into_error().to_string());
                Why::Store(settings.store.clone(), error)
            })??
        }
        StoreAddress::Postgres(address) => {
            let key = settings.key.clone().ok_or(Why::NoKey)?;
            let store = postgres::open(
                address,
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
    let known = known.map_err(|error| Why::Store(settings.store.clone(), error))?;
    if known != sealer.check() {
        return Err(Why::OtherKey(settings.store));
    }
    Ok(Inbox {
        store,
        sealer,
        meter: Arc::new(InboxMeter::new(meter)),
        settings,
    })
}

/// The store in a file, and the key that lies beside it unless one is given. A new one gets its key first: ended in between, a
/// store without its key would be refused for ever.
fn in_file(
    file: &Path,
    given: Option<Secret>,
    limits: &Limits,
    meter: Arc<StoreMeter>,
) -> Result<(Arc<dyn Store>, Secret), Why> {
    let key = match given {
        Some(key) => key,
        None => key::beside(file, !file.exists())?,
    };
    let store = sqlite::open(file, limits, DeliverySeals::new(&key), Clock::System, meter)?;
    Ok((store, key))
}
