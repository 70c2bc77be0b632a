//! Random choices for sample deliveries. Nothing secret depends on them.

use std::time::{SystemTime, UNIX_EPOCH};

/// A generator of random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// Returns the generator of a seed. Equal seeds give equal numbers.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a generator that differs from run to run.
    pub(super) fn from_clock() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self::new(now.map_or(0, |now| u64::from(now.subsec_nanos()) ^ now.as_secs()))
    }

    /// Returns a number below `limit`, which must not be zero.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// Returns true once in `times` on average.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Returns one of these, of which there is at least one.
    pub(super) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let index = self.below(all.len() as u64);
        &all[usize::try_from(index).expect("it is below a length")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_spread() {
        let mut random = Random::new(1);
        let mut counts = [0_u32; 5];
        for _ in 0..5_000 {
            let index: usize = *random.pick(&[0, 1, 2, 3, 4]);
            counts[index] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
    }
}
