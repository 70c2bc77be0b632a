//! How much is free on the disk of a store, and whether that is below the floor.

use std::{
    path::Path,
    time::{Duration, Instant},
};

/// A disk fills over seconds, a commit takes less than a millisecond.
const ASKED_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Space {
    floor: u64,
    free: Box<dyn Fn() -> Option<u64> + Send>,
    asked: Option<(Instant, bool)>,
}

impl Space {
    pub(super) fn of(file: &Path, floor: u64) -> Self {
        let file = file.to_owned();
        Self::asking(floor, move || {
            let disk = rustix::fs::statvfs(&file).ok()?;
            Some(disk.f_bavail.saturating_mul(disk.f_frsize))
        })
    }

    fn asking(floor: u64, free: impl Fn() -> Option<u64> + Send + 'static) -> Self {
        Self {
            floor,
            free: Box::new(free),
            asked: None,
        }
    }

    /// Whether there is room. A disk that does not tell is taken to have it: SQLite says when it has not.
    pub(super) fn is_left(&mut self, now: Instant) -> bool {
        match self.asked {
            Some((at, left)) if now.saturating_duration_since(at) < ASKED_EVERY => left,
            _ => {
                let left = (self.free)().is_none_or(|free| free >= self.floor);
                self.asked = Some((now, left));
                left
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    };

    use super::*;

    #[test]
    fn the_disk_is_asked_once_a_second_and_room_comes_back() {
        let free = Arc::new(AtomicU64::new(99));
        let disk = Arc::clone(&free);
        let mut space = Space::asking(100, move || Some(disk.load(Relaxed)));
        let start = Instant::now();
        assert!(!space.is_left(start));
        free.store(100, Relaxed);
        assert!(!space.is_left(start + ASKED_EVERY / 2));
        assert!(space.is_left(start + ASKED_EVERY));
    }

    #[test]
    fn a_real_disk_tells_and_a_missing_one_does_not_stop_anything() {
        let directory = tempfile::tempdir().unwrap();
        let now = Instant::now();
        assert!(Space::of(directory.path(), 1).is_left(now));
        assert!(!Space::of(directory.path(), u64::MAX).is_left(now));
        assert!(Space::of(Path::new("/not/there"), u64::MAX).is_left(now));
    }
}
