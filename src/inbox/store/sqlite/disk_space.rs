//! The free space on the disk of a store, and how much it lacks to its floor.

use std::path::Path;

/// Watches the free space on a disk.
pub(super) struct DiskSpace {
    floor: u64,
    free: Box<dyn Fn() -> Option<u64> + Send>,
}

/// Bytes that the disk lacks to have as much free space as its floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shortfall(u64);

impl Shortfall {
    /// The disk has enough free space.
    pub(super) const NONE: Self = Self(0);

    /// Whether the disk has less free space than its floor.
    pub(super) fn is_scarce(self) -> bool {
        self.0 > 0
    }

    /// Whether free bytes inside the file make up for the missing ones on the disk.
    pub(super) fn is_covered_by(self, free_in_file: u64) -> bool {
        self.0 <= free_in_file
    }
}

impl DiskSpace {
    pub(super) fn of(file: &Path, floor: u64) -> Self {
        let file = file.to_owned();
        Self::new(floor, move || {
            let disk = rustix::fs::statvfs(&file).ok()?;
            Some(disk.f_bavail.saturating_mul(disk.f_frsize))
        })
    }

    fn new(floor: u64, free: impl Fn() -> Option<u64> + Send + 'static) -> Self {
        Self {
            floor,
            free: Box::new(free),
        }
    }

    /// Returns how much the disk lacks if `reserved` bytes of its free space are needed anyway.
    ///
    /// If the system does not tell, the disk counts as large enough: SQLite reports a full disk.
    pub(super) fn shortfall(&self, reserved: u64) -> Shortfall {
        let least = self.floor.saturating_add(reserved);
        let missing = (self.free)().map(|free| least.saturating_sub(free));
        Shortfall(missing.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_bytes_are_not_free() {
        let space = DiskSpace::new(100, || Some(150));
        assert_eq!(space.shortfall(50), Shortfall::NONE);
        assert_eq!(space.shortfall(51), Shortfall(1));
        assert!(space.shortfall(u64::MAX).is_scarce());
    }

    #[test]
    fn free_bytes_in_the_file_make_up_for_a_scarce_disk() {
        let shortfall = DiskSpace::new(100, || Some(60)).shortfall(0);
        assert!(shortfall.is_scarce());
        assert!(shortfall.is_covered_by(40));
        assert!(!shortfall.is_covered_by(39));
        assert!(!Shortfall::NONE.is_scarce() && Shortfall::NONE.is_covered_by(0));
    }

    #[test]
    fn a_real_disk_tells_and_a_missing_one_does_not_stop_anything() {
        let directory = tempfile::tempdir().unwrap();
        let is_scarce = |path: &Path, floor| DiskSpace::of(path, floor).shortfall(0).is_scarce();
        assert!(!is_scarce(directory.path(), 1));
        assert!(is_scarce(directory.path(), u64::MAX));
        assert!(!is_scarce(Path::new("/not/there"), u64::MAX));
    }
}
