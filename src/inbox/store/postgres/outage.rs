//! The reason why a connection is down, shared with those that submit jobs to it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::inbox::store::error::StoreError;

/// Why there is no connection, while there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Outage(Arc<Mutex<Option<String>>>);

impl Outage {
    pub(super) fn error(&self) -> Option<StoreError> {
        let reason = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reason.clone().map(StoreError::Unavailable)
    }

    pub(super) fn begin(&self, reason: String) {
        self.set(Some(reason));
    }

    pub(super) fn end(&self) {
        self.set(None);
    }

    fn set(&self, reason: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}
