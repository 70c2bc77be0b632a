//! The progress of a body.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The bytes of a body that arrived in the current second and in the one before.
#[derive(Debug, Default)]
pub(super) struct Progress {
    second: AtomicU64,
    current: AtomicU64,
    previous: AtomicU64,
}

impl Progress {
    pub(super) fn reset(&self) {
        self.current.store(0, Relaxed);
        self.previous.store(0, Relaxed);
    }

    /// Adds bytes that arrived in `second`.
    pub(super) fn add(&self, second: u64, bytes: u64) {
        let last = self.second.swap(second, Relaxed);
        if last == second {
            self.current.fetch_add(bytes, Relaxed);
            return;
        }
        let carried = if last + 1 == second {
            self.current.load(Relaxed)
        } else {
            0
        };
        self.previous.store(carried, Relaxed);
        self.current.store(bytes, Relaxed);
    }

    /// Returns the bytes of `second` and of the second before.
    pub(super) fn recent(&self, second: u64) -> u64 {
        match second.saturating_sub(self.second.load(Relaxed)) {
            0 => self.current.load(Relaxed) + self.previous.load(Relaxed),
            1 => self.current.load(Relaxed),
            _ => 0,
        }
    }
}
