//! A number of rejections with their bytes, as a sum or as a limit.

use std::ops::AddAssign;

/// A number of rejections and of their bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

impl Load {
    /// The load of one rejection.
    pub(super) fn one(bytes: u64) -> Self {
        Self { count: 1, bytes }
    }

    pub(super) fn exceeds(self, limit: Self) -> bool {
        self.count > limit.count || self.bytes > limit.bytes
    }

    /// Divides a limit into the shares of its sources. Each share has room for one rejection.
    pub(super) fn share(self, sources: u64) -> Self {
        let sources = sources.max(1);
        Self {
            count: (self.count / sources).max(1),
            bytes: self.bytes / sources,
        }
    }

    /// Returns a number that orders loads by the larger of their parts of a limit's count and
    /// bytes.
    pub(super) fn part_of(self, limit: Self) -> u128 {
        let count = u128::from(self.count) * u128::from(limit.bytes);
        let bytes = u128::from(self.bytes) * u128::from(limit.count);
        count.max(bytes)
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
    }
}
