//! Histograms of a store's commits, whichever engine it uses.

use std::time::Duration;

use crate::telemetry::histogram::Histogram;

/// Measures the commits of a store.
#[derive(Debug)]
pub(crate) struct StoreMeter {
    /// The duration of a commit, including its sync.
    pub(crate) commits: Histogram,
    /// The number of jobs that shared a commit.
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
