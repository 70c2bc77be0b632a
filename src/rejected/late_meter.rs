//! The meter of late deliveries: the saved rejections that verified later, by endpoint and state.
//!
//! The directory is the truth, so the numbers survive a restart. They fall when files are removed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tower_cartgate::SecretName;

use super::saved_file::LateState;

/// The late deliveries of a gate.
#[derive(Debug, Default)]
pub(crate) struct LateMeter {
    standings: Mutex<LateStandings>,
    is_busy: AtomicBool,
}

/// The late deliveries by the name of their endpoint.
pub(crate) type LateStandings = BTreeMap<Arc<str>, LateStanding>;

/// The late deliveries of one endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LateStanding {
    pub(crate) delivered: u64,
    pub(crate) waiting: u64,
    /// Verified, but rejected by another rule of the endpoint.
    pub(crate) refused: u64,
    /// Left out, because the endpoint has received the same body in another delivery.
    pub(crate) copies: u64,
    /// The reason why the first one that waits was not delivered.
    pub(crate) trouble: Option<String>,
    /// Those that wait, by the secret that verifies them.
    waiting_by_secret: BTreeMap<SecretName, u64>,
}

impl LateStanding {
    /// Returns the number of different deliveries.
    pub(crate) fn all(&self) -> u64 {
        self.delivered + self.waiting + self.refused
    }

    /// Adds a delivery that waits, and that this secret verifies.
    pub(crate) fn add_waiting(&mut self, secret: &SecretName) {
        self.waiting += 1;
        *self.waiting_by_secret.entry(secret.clone()).or_default() += 1;
    }

    /// Returns the number of deliveries that wait, and that this secret verifies.
    pub(crate) fn waiting_for(&self, secret: &SecretName) -> u64 {
        self.waiting_by_secret
            .get(secret)
            .copied()
            .unwrap_or_default()
    }

    /// Returns the numbers with the words of their states.
    pub(crate) fn by_state(&self) -> [(&'static str, u64); 4] {
        [
            (LateState::Delivered.as_str(), self.delivered),
            (LateState::Waiting.as_str(), self.waiting),
            ("refused", self.refused),
            (LateState::Copy.as_str(), self.copies),
        ]
    }
}

impl LateMeter {
    /// Returns the standings.
    pub(crate) fn standings(&self) -> LateStandings {
        self.lock().clone()
    }

    /// Replaces the standings. Returns the previous ones.
    pub(crate) fn show(&self, standings: LateStandings) -> LateStandings {
        std::mem::replace(&mut *self.lock(), standings)
    }

    /// Notes whether a late delivery is on its way.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Relaxed);
    }

    /// Whether a late delivery is on its way.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, LateStandings> {
        self.standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
