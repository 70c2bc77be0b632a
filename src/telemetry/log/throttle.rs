//! Limits the lines that one cause may write per second, such as forgeries in a loop or an app that
//! rejects every delivery, so that they do not displace other lines. The omitted lines are counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::target::TARGET;

/// The maximum number of lines per second.
const MAX_LINES: u64 = 50;

/// Counts the lines of the current second.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    lines: AtomicU64,
    omitted: AtomicU64,
}

impl Throttle {
    /// Returns whether another line may be written in this second.
    pub(crate) fn allows(&self) -> bool {
        let allowed = self.lines.fetch_add(1, Relaxed) < MAX_LINES;
        if !allowed {
            self.omitted.fetch_add(1, Relaxed);
        }
        allowed
    }

    /// Begins the next second, and returns how many lines the last one omitted.
    pub(crate) fn begin_second(&self) -> u64 {
        self.lines.store(0, Relaxed);
        self.omitted.swap(0, Relaxed)
    }

    /// Begins the next second, and logs how many requests the last one omitted.
    pub(crate) fn tick(&self) {
        let omitted = self.begin_second();
        if omitted > 0 {
            tracing::warn!(
                target: TARGET,
                requests = omitted,
                "requests omitted from the log in this second"
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
        let shown = (0..MAX_LINES * 3).filter(|_| throttle.allows()).count() as u64;
        assert_eq!(shown, MAX_LINES);
        assert_eq!(throttle.begin_second(), MAX_LINES * 2);
        assert_eq!(throttle.begin_second(), 0);
        assert!(throttle.allows());
    }
}
