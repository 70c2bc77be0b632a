//! How much is free on the disk of a store, and whether that is below the floor.

use std::path::Path;

pub(super) struct Space {
    floor: u64,
    free: Box<dyn Fn() -> Option<u64> + Send>,
}

/// Bytes that the disk lacks to have as much free as it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room(u64);

impl Room {
    /// The disk has enough left.
    pub(super) const ENOUGH: Self = Self(0);

    /// Whether the disk itself has less left than it must.
    pub(super) fn is_scarce(self) -> bool {
        self.0 > 0
    }

    /// Whether something may come in. What is free inside the file is as good as free on the disk.
    pub(super) fn takes_in(self, free_in_file: u64) -> bool {
        self.0 <= free_in_file
    }
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

    /// Looks how much is free besides what is `promised`. A disk that does not tell is taken to have enough: SQLite says when
    /// it has not.
    pub(super) fn left(&self, promised: u64) -> Room {
        let least = self.floor.saturating_add(promised);
        let missing = (self.free)().map(|free| least.saturating_sub(free));
        Room(missing.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_is_no_room() {
        let space = Space::asking(100, || Some(150));
        assert_eq!(space.left(50), Room::ENOUGH);
        assert_eq!(space.left(51), Room(1));
        assert!(space.left(u64::MAX).is_scarce());
    }

    #[test]
    fn what_is_free_in_the_file_is_room_though_the_disk_is_scarce() {
        let left = Space::asking(100, || Some(60)).left(0);
        assert!(left.is_scarce());
        assert!(left.takes_in(40));
        assert!(!left.takes_in(39));
        assert!(!Room::ENOUGH.is_scarce() && Room::ENOUGH.takes_in(0));
    }

    #[test]
    fn a_real_disk_tells_and_a_missing_one_does_not_stop_anything() {
        let directory = tempfile::tempdir().unwrap();
        let is_scarce = |path: &Path, floor| Space::of(path, floor).left(0).is_scarce();
        assert!(!is_scarce(directory.path(), 1));
        assert!(is_scarce(directory.path(), u64::MAX));
        assert!(!is_scarce(Path::new("/not/there"), u64::MAX));
    }
}
