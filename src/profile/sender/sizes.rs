//! The sizes of bodies.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The digits to which a size is kept.
const DIGITS: u8 = 2;

/// The largest size that is told from larger ones.
const LARGEST: u64 = 1 << 34;

/// A histogram of sizes, or of spans of time. It is stored as values with their counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(in crate::profile) struct Sizes(Histogram<u32>);

impl Sizes {
    pub(in crate::profile) fn add(&mut self, size: u64) {
        self.add_all(size, 1);
    }

    fn add_all(&mut self, size: u64, count: u32) {
        // Cannot fail, because the histogram grows up to the largest size.
        let _ = self.0.record_n(size.min(LARGEST), count);
    }

    pub(in crate::profile) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the size that so many per cent do not exceed, within one per cent.
    pub(in crate::profile) fn percentile(&self, percent: f64) -> u64 {
        self.0.value_at_percentile(percent)
    }

    pub(in crate::profile) fn largest(&self) -> u64 {
        self.0.max()
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Self(Histogram::new(DIGITS).expect("the number of digits is valid"))
    }
}

impl From<Vec<(u64, u64)>> for Sizes {
    fn from(counts: Vec<(u64, u64)>) -> Self {
        let mut sizes = Self::default();
        for (size, count) in counts {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            sizes.add_all(size, count);
        }
        sizes
    }
}

impl From<Sizes> for Vec<(u64, u64)> {
    fn from(sizes: Sizes) -> Self {
        let recorded = sizes.0.iter_recorded();
        recorded
            .map(|one| (one.value_iterated_to(), u64::from(one.count_at_value())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_survive_a_restart() {
        let mut sizes = Sizes::default();
        for size in 1..=1_000 {
            sizes.add(size * 10);
        }
        sizes.add(u64::MAX);
        let json = serde_json::to_string(&sizes).expect("JSON");
        let read: Sizes = serde_json::from_str(&json).expect("JSON");
        for percent in [1.0, 50.0, 90.0, 99.0] {
            assert_eq!(sizes.percentile(percent), read.percentile(percent));
        }
        let median = read.percentile(50.0);
        assert!((4_950..=5_060).contains(&median), "{median}");
        assert_eq!(read.count(), 1_001);
    }
}
