//! The profiler of a gate: takes a few verified deliveries per second from the workers, and keeps
//! the profiles.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use super::{
    book::Book,
    digest::DigestKey,
    learner,
    rhythm::Rhythm,
    sample::VerifiedSample,
    shape::Change,
    stored,
    view::{EndpointView, ProfileView},
};
use crate::{
    inbox::store::{Store, StoreError},
    runtime::clock::Clock,
};

/// The largest number of samples at once. In the long run, there is one per second.
const BURST: u32 = 64;

/// The largest number of bytes of all bodies that wait for the thread.
const MAX_HELD: usize = 4 * 1024 * 1024;

/// The profiler of a gate.
pub(crate) struct Profiler {
    /// The number of deliveries that the workers may hand over.
    credits: AtomicU32,
    samples: SyncSender<VerifiedSample>,
    /// The bytes of the bodies that wait for the thread.
    held: Arc<AtomicUsize>,
    book: Arc<Mutex<Book>>,
    /// The endpoints whose stored profile cannot be used.
    unusable: Mutex<HashSet<String>>,
}

impl Profiler {
    /// Starts the thread that learns. It ends with the profiler.
    pub(crate) fn start(key: DigestKey) -> Self {
        let (samples, rx) = sync_channel(BURST as usize);
        let book = Arc::new(Mutex::new(Book::new(key.clone())));
        let learned = Arc::clone(&book);
        let thread = thread::Builder::new().name("cartgate-learn".to_owned());
        if let Err(error) = thread.spawn(move || learner::run(&rx, &learned, &key)) {
            tracing::error!(%error, "payloads are not profiled: thread not started");
        }
        Self {
            credits: AtomicU32::new(0),
            samples,
            held: Arc::default(),
            book,
            unusable: Mutex::default(),
        }
    }

    /// Whether a worker may hand over a delivery. This is all that most deliveries cost.
    pub(crate) fn wants_sample(&self) -> bool {
        self.credits.load(Relaxed) > 0
    }

    /// Hands over a delivery, if it is still wanted. Never waits: if the thread is busy, the delivery
    /// is not learned.
    #[cold]
    pub(crate) fn take(&self, sample: impl FnOnce() -> VerifiedSample) {
        let spend = |credits: u32| credits.checked_sub(1);
        if self.credits.fetch_update(Relaxed, Relaxed, spend).is_err() {
            return;
        }
        let sample = sample().counted_in(&self.held);
        if self.held.load(Relaxed) <= MAX_HELD {
            let _ = self.samples.try_send(sample);
        }
    }

    /// Permits the first samples.
    pub(crate) fn open(&self) {
        self.credits.store(BURST, Relaxed);
    }

    /// Permits the sample of another second.
    pub(crate) fn refill(&self) {
        let add = |credits: u32| (credits < BURST).then_some(credits + 1);
        // It fails if nothing was spent.
        let _ = self.credits.fetch_update(Relaxed, Relaxed, add);
    }

    /// Returns the profiles of these endpoints, each with whether it is durable.
    pub(crate) fn view<'e>(
        &self,
        endpoints: impl IntoIterator<Item = (&'e str, bool)>,
    ) -> ProfileView {
        let endpoints = endpoints.into_iter();
        let endpoints = endpoints.map(|(name, durable)| self.endpoint(name, durable));
        ProfileView {
            endpoints: endpoints.collect(),
        }
    }

    /// Returns the profile of an endpoint.
    pub(crate) fn endpoint(&self, name: &str, durable: bool) -> EndpointView {
        // The lock is free between two endpoints.
        self.book().view(name, Some(durable))
    }

    /// Returns the changes of an endpoint's payloads.
    pub(crate) fn changes(&self, endpoint: &str) -> Vec<Change> {
        self.book().changes(endpoint)
    }

    /// Returns the rhythm of an endpoint's deliveries.
    pub(crate) fn rhythm(&self, endpoint: &str) -> Rhythm {
        self.book().rhythm(endpoint, Clock::System.now())
    }

    /// Accepts the shape of an endpoint's last payloads. Returns the number of changes that end.
    pub(crate) fn accept(&self, endpoint: &str) -> usize {
        self.book().accept(endpoint, Clock::System.now())
    }

    /// Keeps only the profiles of these endpoints.
    pub(crate) fn retain(&self, is_configured: impl Fn(&str) -> bool) {
        self.book().retain(is_configured);
    }

    /// Takes over stored profiles of configured endpoints that have learned more, and stores those
    /// that are worth it; with `all`, each that has changed. Several gates may share the store: the
    /// profile that was accepted last wins, then the one that has learned more.
    ///
    /// # Errors
    ///
    /// When the store cannot be used. Nothing is lost: the next call tries again.
    pub(crate) async fn synchronize(
        &self,
        store: &dyn Store,
        is_configured: impl Fn(&str) -> bool,
        all: bool,
    ) -> Result<(), StoreError> {
        let found = store.list_meta(stored::prefix()).await?;
        for (name, value) in found {
            if let Some(endpoint) = stored::endpoint(&name)
                && is_configured(endpoint)
            {
                self.adopt(endpoint, &value);
            }
        }
        let unsaved = self.book().unsaved(Clock::System.now(), all);
        let mut result = Ok(());
        for (endpoint, value) in unsaved {
            if result.is_ok() {
                result = store.set_meta(stored::name(&endpoint), value).await;
            }
            if result.is_err() {
                self.book().not_saved(&endpoint);
            }
        }
        result
    }

    /// Whether the thread has learned every sample.
    pub(crate) fn is_idle(&self) -> bool {
        // Each sample counts its bytes in it.
        Arc::strong_count(&self.held) == 1
    }

    /// Takes over a stored profile. Warns once about one that cannot be used; it is replaced.
    fn adopt(&self, endpoint: &str, value: &[u8]) {
        let adopted = self.book().adopt(endpoint, value);
        let Err(cause) = adopted else {
            return;
        };
        let unusable = self.unusable.lock();
        let mut unusable = unusable.unwrap_or_else(PoisonError::into_inner);
        if unusable.insert(endpoint.to_owned()) {
            tracing::warn!(
                target: "cartgate::profile",
                endpoint, %cause,
                "stored profile ignored"
            );
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Profiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiler").finish_non_exhaustive()
    }
}
