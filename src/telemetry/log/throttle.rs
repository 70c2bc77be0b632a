//! Some lines fill so many a second and no more: whoever sends forgeries in a loop, or an app that refuses all it gets, must
//! not push the rest out of the log. What is left out is summed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Lines in one second.
const LINES: u64 = 50;

/// Counts the lines of the current second.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    lines: AtomicU64,
    left_out: AtomicU64,
}

impl Throttle {
    /// Whether one more line may be written in this second.
    pub(crate) fn allows(&self) -> bool {
        let allowed = self.lines.fetch_add(1, Relaxed) < LINES;
        if !allowed {
            self.left_out.fetch_add(1, Relaxed);
        }
        allowed
    }

    /// Begins the next second; how many lines the last one left out.
    pub(crate) fn begin_second(&self) -> u64 {
        self.lines.store(0, Relaxed);
        self.left_out.swap(0, Relaxed)
    }

    /// Begins the next second of refusals and says what the last one left out.
    pub(crate) fn tick(&self) {
        let left_out = self.begin_second();
        if left_out > 0 {
            tracing::warn!(
                target: super::TARGET,
                requests = left_out,
                "requests left out of the log in this second"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_room_for_so_many_lines() {
        let throttle = Throttle::default();
        let shown = (0..LINES * 3).filter(|_| throttle.allows()).count() as u64;
        assert_eq!(shown, LINES);
        assert_eq!(throttle.begin_second(), LINES * 2);
        assert_eq!(throttle.begin_second(), 0);
        assert!(throttle.allows());
    }
}
