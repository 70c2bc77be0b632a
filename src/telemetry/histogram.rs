//! A lock-free histogram. The one of `prometheus-client` takes a lock for each observation.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Bounds for body sizes, up to the largest limit that is likely to be configured.
const SIZES: [u64; 8] = [
    256,
    1024,
    4 * 1024,
    16 * 1024,
    64 * 1024,
    256 * 1024,
    1024 * 1024,
    8 * 1024 * 1024,
];

/// Bounds for durations in microseconds, from the gate's own time to the default timeout of a
/// destination.
const DURATIONS: [u64; 12] = [
    500, 1_000, 2_500, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 4_000_000, 10_000_000,
    30_000_000,
];

/// Bounds for counts, up to the maximum of a store's commit.
const COUNTS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Counts values by range.
#[derive(Debug)]
pub(crate) struct Histogram {
    bounds: &'static [u64],
    /// The number of stored units per shown unit.
    unit: f64,
    /// One count per bound, and a last one for values above all bounds.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// The content of a histogram at one time.
pub(crate) struct Snapshot {
    pub(crate) sum: f64,
    pub(crate) count: u64,
    /// The upper bound and the count of each range. The counts are not cumulative.
    pub(crate) ranges: Vec<(f64, u64)>,
}

impl Histogram {
    /// Creates a histogram of sizes in bytes.
    pub(crate) fn of_sizes() -> Self {
        Self::new(&SIZES, 1.0)
    }

    /// Creates a histogram of durations, shown in seconds.
    pub(crate) fn of_durations() -> Self {
        Self::new(&DURATIONS, 1e6)
    }

    /// Creates a histogram of counts.
    pub(crate) fn of_counts() -> Self {
        Self::new(&COUNTS, 1.0)
    }

    fn new(bounds: &'static [u64], unit: f64) -> Self {
        Self {
            bounds,
            unit,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    pub(crate) fn took(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn observe(&self, value: u64) {
        let range = self.bounds.partition_point(|bound| *bound < value);
        self.counts[range].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    pub(crate) fn filled(&self) -> Snapshot {
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / self.unit);
        let counts = self.counts.iter().map(|count| count.load(Relaxed));
        let ranges: Vec<_> = bounds
            .chain(std::iter::once(f64::INFINITY))
            .zip(counts)
            .collect();
        Snapshot {
            sum: self.sum.load(Relaxed) as f64 / self.unit,
            // Computed from the ranges, so that the two cannot differ.
            count: ranges.iter().map(|(_, count)| count).sum(),
            ranges,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_range_and_the_last_has_none() {
        let sizes = Histogram::of_sizes();
        for size in [0, 256, 257, u64::from(u32::MAX)] {
            sizes.observe(size);
        }
        let filled = sizes.filled();
        assert_eq!(filled.count, 4);
        assert_eq!(filled.ranges[0], (256.0, 2));
        assert_eq!(filled.ranges[1], (1024.0, 1));
        assert_eq!(filled.ranges.last(), Some(&(f64::INFINITY, 1)));
    }

    #[test]
    fn durations_are_shown_in_seconds() {
        let durations = Histogram::of_durations();
        durations.took(Duration::from_millis(1500));
        let filled = durations.filled();
        assert!((filled.sum - 1.5).abs() < 1e-9);
        let range = filled.ranges.iter().find(|(_, count)| *count == 1);
        assert_eq!(range, Some(&(4.0, 1)));
    }
}
