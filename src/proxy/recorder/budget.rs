//! The budget of the recorder: how many requests it records in full until the next tick.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The records per tick that requests of any verdict may take: about 1,000 a second.
pub(super) const COMMON: u32 = 240;

/// The records per tick that only one side of the verdict may take.
pub(super) const RESERVE: u32 = 10;

/// The records and heads that are left until the next tick.
#[derive(Debug)]
pub(super) struct Budget {
    common: AtomicU32,
    verified: AtomicU32,
    rejected: AtomicU32,
    /// Heads are taken before the verdict, so no side has a reserve of them.
    heads: AtomicU32,
}

impl Budget {
    pub(super) fn full() -> Self {
        let budget = Self {
            common: AtomicU32::new(0),
            verified: AtomicU32::new(0),
            rejected: AtomicU32::new(0),
            heads: AtomicU32::new(0),
        };
        budget.refill();
        budget
    }

    /// Begins the next tick.
    pub(super) fn refill(&self) {
        self.common.store(COMMON, Relaxed);
        self.verified.store(RESERVE, Relaxed);
        self.rejected.store(RESERVE, Relaxed);
        self.heads.store(COMMON + 2 * RESERVE, Relaxed);
    }

    /// Takes a record of a request, if there is one left.
    pub(super) fn take(&self, is_verified: bool) -> bool {
        let reserve = if is_verified {
            &self.verified
        } else {
            &self.rejected
        };
        take(&self.common) || take(reserve)
    }

    /// Takes a head, if there is one left.
    pub(super) fn take_head(&self) -> bool {
        take(&self.heads)
    }
}

fn take(left: &AtomicU32) -> bool {
    // Reads first: once nothing is left, workers share the cache line without writing.
    left.load(Relaxed) > 0
        && left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_side_leaves_the_reserve_of_the_other() {
        let budget = Budget::full();
        let taken = |is_verified| (0..10_000).filter(|_| budget.take(is_verified)).count();
        assert_eq!(taken(false), (COMMON + RESERVE) as usize);
        assert_eq!(taken(true), RESERVE as usize);
        assert_eq!(taken(true), 0);
        budget.refill();
        assert_eq!(taken(true), (COMMON + RESERVE) as usize);
        let heads = (0..10_000).filter(|_| budget.take_head()).count();
        assert_eq!(heads, (COMMON + 2 * RESERVE) as usize);
    }

    #[test]
    fn threads_together_take_no_more_than_there_is() {
        let budget = Budget::full();
        let take = || (0..10_000).filter(|_| budget.take(true)).count();
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            let all = threads.into_iter().map(|one| one.join().expect("no panic"));
            all.sum()
        });
        assert_eq!(taken, (COMMON + RESERVE) as usize);
    }
}
