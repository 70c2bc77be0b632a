//! What a store counts of its commits, whichever engine it is.

use std::time::Duration;

use crate::telemetry::histogram::Histogram;

/// Filled by a store, read by whoever shows it.
#[derive(Debug)]
pub(crate) struct StoreMeter {
    /// How long a commit took, its sync included.
    pub(crate) commits: Histogram,
    /// How much work shared a commit.
    pub(crate) batches: Histogram,
}

impl Default for StoreMeter {
    fn default() -> Self {
        Self {
            commits: Histogram::of_durations(),
            batches: Histogram::of_counts(),
        }
    }
}

impl StoreMeter {
    pub(crate) fn committed(&self, jobs: usize, took: Duration) {
        self.commits.took(took);
        self.batches.observe(jobs as u64);
    }
}
