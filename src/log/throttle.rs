//! Refusals fill so many lines a second and no more: whoever sends forgeries in a loop must not push
//! the rest out of the log. What is left out is summed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Lines of refusals in one second.
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

    /// Begins the next second and says what the last one left out.
    pub(crate) fn tick(&self) {
        self.lines.store(0, Relaxed);
        let left_out = self.left_out.swap(0, Relaxed);
        if left_out > 0 {
            tracing::warn!(
                target: "cartgate::access",
                requests = left_out,
                "more requests were refused in this second than the log shows"
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
        throttle.tick();
        assert!(throttle.allows());
    }
}
