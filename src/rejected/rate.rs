//! How much is written in a second: a flood of forgeries must not burn the disk, and a flood from one
//! source must not take the places of another.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::Source;

const FILES: u64 = 50;
const BYTES: u64 = 16 * 1024 * 1024;

/// What was written in the current second, in all and by each source: of those, no more than there
/// are files.
#[derive(Debug)]
pub(crate) struct Pace {
    share: u64,
    begun: Instant,
    whole: Written,
    by_source: HashMap<Source, Written>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Written {
    files: u64,
    bytes: u64,
}

impl Pace {
    pub(crate) fn new(share: u64, now: Instant) -> Self {
        Self {
            share: share.max(1),
            begun: now,
            whole: Written::default(),
            by_source: HashMap::new(),
        }
    }

    /// Whether one more file may be written; then it is counted.
    pub(crate) fn allows(&mut self, now: Instant, source: Source, bytes: u64) -> bool {
        if now.saturating_duration_since(self.begun) >= Duration::from_secs(1) {
            *self = Self::new(self.share, now);
        }
        let own = self.by_source.get(&source).copied().unwrap_or_default();
        let share = self.share;
        let allowed = self.whole.has_room(bytes, 1) && own.has_room(bytes, share);
        if allowed {
            self.whole.add(bytes);
            self.by_source.entry(source).or_default().add(bytes);
        }
        allowed
    }
}

impl Written {
    /// The first file of a second may have any length, or a long one never came through.
    fn has_room(self, bytes: u64, share: u64) -> bool {
        let files = (FILES / share).max(1);
        self.files < files && (self.files == 0 || self.bytes + bytes <= BYTES / share)
    }

    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> Source {
        std::net::IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn a_second_has_so_many_files_and_each_source_its_share() {
        let now = Instant::now();
        let mut pace = Pace::new(4, now);
        let mut written = |from: u8| {
            (0..100)
                .filter(|_| pace.allows(now, source(from), 1))
                .count()
        };
        let each: Vec<_> = (0..6).map(&mut written).collect();
        assert_eq!(each, [12, 12, 12, 12, 2, 0]);
        assert!(pace.allows(now + Duration::from_secs(1), source(0), 1));
    }

    #[test]
    fn a_second_has_so_many_bytes() {
        let now = Instant::now();
        let mut pace = Pace::new(4, now);
        assert!(pace.allows(now, source(1), BYTES / 4));
        assert!(!pace.allows(now, source(1), 1));
        assert!(pace.allows(now, source(2), BYTES / 4 * 2));
        assert!(pace.allows(now, source(3), BYTES / 4));
        assert!(!pace.allows(now, source(4), 1), "the whole is full");
    }
}
