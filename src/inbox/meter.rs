//! What is counted of the inbox as a whole, and a look at what it holds. The look costs the store a query, so it is taken at
//! most every few seconds, however many ask. What came from one endpoint is its meter's.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use crate::inbox::store::{Stats, Store, StoreError, StoreMeter};

/// How old a look may be that is shown again.
const FRESH: Duration = Duration::from_secs(5);

/// How long a store may take to say what it holds.
const PATIENCE: Duration = Duration::from_secs(4);

/// What an inbox counts, and how it was.
#[derive(Debug)]
pub(crate) struct InboxMeter {
    pub(crate) store: Arc<StoreMeter>,
    look: Mutex<Arc<Look>>,
    /// Held while the store is asked, so that it is asked once.
    asking: tokio::sync::Mutex<Option<Instant>>,
}

/// How the inbox was when it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// What it holds; none where the store did not say.
    pub(crate) stats: Option<Stats>,
    /// Why it acknowledges nothing, or does not say what it holds.
    pub(crate) trouble: Option<StoreError>,
}

impl InboxMeter {
    /// A meter whose store fills that one.
    pub(crate) fn new(store: Arc<StoreMeter>) -> Self {
        Self {
            store,
            look: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The last look.
    pub(crate) fn look(&self) -> Arc<Look> {
        let look = self.look.lock();
        Arc::clone(&look.unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks again, if the last look is not fresh any more.
    pub(crate) async fn refresh(&self, store: &dyn Store) {
        let mut asked = self.asking.lock().await;
        if asked.is_some_and(|asked| asked.elapsed() < FRESH) {
            return;
        }
        let stats = timeout(PATIENCE, store.stats()).await;
        let stats = stats.unwrap_or_else(|_| {
            let late = "it did not say in time what it holds";
            Err(StoreError::Unavailable(late.to_owned()))
        });
        let (stats, silent) = match stats {
            Ok(stats) => (Some(stats), None),
            Err(error) => (None, Some(error)),
        };
        let trouble = store.outage().or(silent);
        let look = Arc::new(Look { stats, trouble });
        *self.look.lock().unwrap_or_else(PoisonError::into_inner) = look;
        *asked = Some(Instant::now());
    }
}
