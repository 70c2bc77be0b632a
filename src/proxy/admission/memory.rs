//! The memory budget of bodies and buffers over all connections.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// The bytes that each connection may hold outside the budget: a typical webhook. A flood of large
/// bodies therefore leaves room for small ones, and a small one touches no counter that workers
/// share.
pub(crate) const FREE_SHARE: u64 = 16 * 1024;

/// The step in which a body takes memory, so that many frames touch the shared counter once.
pub(crate) const STEP: u64 = 64 * 1024;

/// The part of the limit that may be lent to buffers, in addition to the memory of bodies.
const PART_LENT: u64 = 16;

/// The bytes that may be lent even if that is more than their part.
const LEAST_LENT: u64 = 64 * 1024;

/// The memory that bodies and buffers hold beyond their connections' own shares.
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

    /// Takes `bytes` for a body, if the limit allows it.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        grow(&self.held, bytes, self.limit)
    }

    /// Releases `bytes` of a body.
    pub(crate) fn release(&self, bytes: u64) {
        if bytes > 0 {
            self.held.fetch_sub(bytes, Relaxed);
        }
    }

    /// Lends `bytes` to the buffers of a connection, if the part for loans allows it.
    pub(crate) fn lend(self: &Arc<Self>, bytes: u64) -> Option<Loan> {
        let limit = (self.limit / PART_LENT).max(LEAST_LENT);
        grow(&self.lent, bytes, limit).then(|| Loan {
            memory: Arc::clone(self),
            bytes,
        })
    }

    /// Returns the limit of the bytes that bodies hold.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns the bytes that bodies hold.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }
}

fn grow(counter: &AtomicU64, bytes: u64, limit: u64) -> bool {
    let grown = |sum: u64| sum.checked_add(bytes).filter(|sum| *sum <= limit);
    counter.fetch_update(Relaxed, Relaxed, grown).is_ok()
}

/// The memory of a complete body. Dropping it releases the memory.
#[derive(Debug)]
pub(crate) struct HeldMemory {
    memory: Arc<Memory>,
    bytes: u64,
}

impl HeldMemory {
    /// Becomes the owner of `bytes` that were taken from `memory`.
    pub(crate) fn new(memory: &Arc<Memory>, bytes: u64) -> Self {
        Self {
            memory: Arc::clone(memory),
            bytes,
        }
    }
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        self.memory.release(self.bytes);
    }
}

/// Memory that is lent to buffers. Dropping it returns the memory.
#[derive(Debug)]
pub(crate) struct Loan {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.memory.lent.fetch_sub(self.bytes, Relaxed);
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
        memory.release(60);
        assert_eq!(memory.held(), 40);
        assert!(memory.take(60));
    }

    #[test]
    fn a_part_is_lent_beside_all_that_bodies_hold() {
        let memory = Arc::new(Memory::new(32 * LEAST_LENT));
        assert!(memory.take(32 * LEAST_LENT));
        let first = memory.lend(LEAST_LENT).expect("room");
        let _second = memory.lend(LEAST_LENT).expect("room");
        assert!(memory.lend(LEAST_LENT).is_none());
        drop(first);
        assert!(memory.lend(LEAST_LENT).is_some());
    }

    #[test]
    fn held_memory_is_released_with_its_holder() {
        let memory = Arc::new(Memory::new(100));
        assert!(memory.take(60));
        drop(HeldMemory::new(&memory, 60));
        assert_eq!(memory.held(), 0);
    }
}
