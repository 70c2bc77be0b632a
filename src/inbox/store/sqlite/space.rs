//! How much is free on the disk of a store, and whether that is below the floor.

use std::path::Path;

pub(super) struct Space {
    floor: u64,
    free: Box<dyn Fn() -> Option<u64> + Send>,
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
        }
    }

    /// Whether there is room besides what is `promised`. A disk that does not tell is taken to have it: SQLite says when it
    /// has not.
    pub(super) fn is_left(&self, promised: u64) -> bool {
        let least = self.floor.saturating_add(promised);
        (self.free)().is_none_or(|free| free >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_is_no_room() {
        let space = Space::asking(100, || Some(150));
        assert!(space.is_left(50));
        assert!(!space.is_left(51));
        assert!(!space.is_left(u64::MAX));
    }

    #[test]
    fn a_real_disk_tells_and_a_missing_one_does_not_stop_anything() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Space::of(directory.path(), 1).is_left(0));
        assert!(!Space::of(directory.path(), u64::MAX).is_left(0));
        assert!(Space::of(Path::new("/not/there"), u64::MAX).is_left(0));
    }
}
