//! The totals that the limits of an inbox apply to.

use super::error::{Limit, StoreError};
use crate::inbox::settings::Limits;

/// How many events a store holds, and how many bytes of heads and bodies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) events: u64,
    pub(super) bytes: u64,
}

impl Usage {
    /// Adds one event of so many bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] if that would exceed the limits.
    pub(super) fn add(&mut self, bytes: u64, limits: &Limits) -> Result<(), StoreError> {
        if self.events >= limits.events {
            return Err(StoreError::Full(Limit::Events));
        }
        let bytes = self.bytes.saturating_add(bytes);
        if bytes > limits.bytes {
            return Err(StoreError::Full(Limit::Bytes));
        }
        self.events += 1;
        self.bytes = bytes;
        Ok(())
    }

    /// Subtracts one event of so many bytes.
    pub(super) fn subtract(&mut self, bytes: u64) {
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
