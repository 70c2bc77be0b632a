//! The memory that bodies hold over all connections together, as one number with a limit.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What each connection may hold without asking: the typical webhook. So a flood of large bodies
/// never takes the room of small ones, and a small one touches no counter that workers share.
pub(crate) const FREE_SHARE: u64 = 16 * 1024;

/// A body's memory is counted in steps of this size, so that the shared counter is touched once for
/// many frames.
pub(crate) const STEP: u64 = 64 * 1024;

/// The memory that bodies hold beyond their connections' own shares.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: u64,
    held: AtomicU64,
}

impl Memory {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            held: AtomicU64::new(0),
        }
    }

    /// Takes `bytes`, if the limit allows.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let taken = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.held.fetch_update(Relaxed, Relaxed, taken).is_ok()
    }

    pub(crate) fn give_back(&self, bytes: u64) {
        if bytes > 0 {
            self.held.fetch_sub(bytes, Relaxed);
        }
    }

    /// Bytes that may be held.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes held now.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_reached_but_never_passed() {
        let memory = Memory::new(100);
        assert!(memory.take(60));
        assert!(memory.take(40));
        assert!(!memory.take(1));
        assert!(!memory.take(u64::MAX));
        memory.give_back(60);
        assert_eq!(memory.held(), 40);
        assert!(memory.take(60));
    }
}
