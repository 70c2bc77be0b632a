//! The memory that bodies hold over all connections together, as one number with a limit.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What each connection may hold without asking: the typical webhook. So a flood of large bodies
/// never takes the room of small ones, and a small one touches no counter that workers share.
pub(crate) const FREE_SHARE: u64 = 16 * 1024;

/// A body's memory is counted in steps of this size, so that the shared counter is touched once for
/// many frames.
pub(crate) const STEP: u64 = 64 * 1024;

/// The part of the limit that may be lent to buffers, on top of what bodies hold.
const PART_LENT: u64 = 16;

/// What may be lent even where that is more than its part.
const LEAST_LENT: u64 = 64 * 1024;

/// The memory that bodies hold beyond their connections' own shares.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: u64,
    held: AtomicU64,
    lent: AtomicU64,
}

impl Memory {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            held: AtomicU64::new(0),
            lent: AtomicU64::new(0),
        }
    }

    /// Takes `bytes`, if the limit allows.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        grow(&self.held, bytes, self.limit)
    }

    /// Lends `bytes` to the large buffers of a connection, if few are lent so far.
    pub(crate) fn lend(&self, bytes: u64) -> bool {
        grow(&self.lent, bytes, (self.limit / PART_LENT).max(LEAST_LENT))
    }

    /// Takes back what was lent.
    pub(crate) fn take_back(&self, bytes: u64) {
        if bytes > 0 {
            self.lent.fetch_sub(bytes, Relaxed);
        }
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

fn grow(counter: &AtomicU64, bytes: u64, limit: u64) -> bool {
    let grown = |sum: u64| sum.checked_add(bytes).filter(|sum| *sum <= limit);
    counter.fetch_update(Relaxed, Relaxed, grown).is_ok()
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

    #[test]
    fn a_part_is_lent_beside_all_that_bodies_hold() {
        let memory = Memory::new(32 * LEAST_LENT);
        assert!(memory.take(32 * LEAST_LENT));
        assert!(memory.lend(LEAST_LENT) && memory.lend(LEAST_LENT));
        assert!(!memory.lend(LEAST_LENT));
        memory.take_back(LEAST_LENT);
        assert!(memory.lend(LEAST_LENT));
    }
}
