//! Free pages of the file, which SQLite reuses. Excess ones are returned to the disk in small
//! steps.

use rusqlite::Connection;

use super::header::PAGE_SIZE;

/// Pages that one step returns, so that a job waits for a few milliseconds at most.
const STEP: u32 = 64;

/// Free pages that a small file keeps.
const MIN_KEPT: u32 = 128;

/// The share of a large file's pages, one in so many, that may stay free, because daily traffic
/// needs them again.
const KEPT_SHARE: u32 = 8;

/// The numbers of a file's pages after the last commit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PageCounts {
    all: u32,
    free: u32,
}

impl PageCounts {
    pub(super) fn read(db: &Connection) -> rusqlite::Result<Self> {
        let count = |pragma| {
            db.prepare_cached(pragma)?
                .query_row([], |row| row.get::<_, u32>(0))
        };
        Ok(Self {
            all: count("PRAGMA page_count")?,
            free: count("PRAGMA freelist_count")?,
        })
    }

    /// Returns the bytes that a file of this length can take without more disk space.
    ///
    /// Returned pages are part of the file until the next checkpoint.
    pub(super) fn free_bytes(self, length: u64) -> u64 {
        let [all, free] =
            [self.all, self.free].map(|pages| u64::from(pages) * u64::from(PAGE_SIZE));
        free + length.saturating_sub(all)
    }

    /// Whether fewer pages are free than before.
    pub(super) fn have_shrunk_since(self, before: Self) -> bool {
        self.free < before.free
    }

    /// Whether more pages are free than the file should keep. While disk space is scarce, it should
    /// keep none.
    pub(super) fn exceed_reserve(self, is_scarce: bool) -> bool {
        let reserve = if is_scarce {
            0
        } else {
            MIN_KEPT.max(self.all / KEPT_SHARE)
        };
        self.free > reserve
    }
}

/// Moves free pages to the end of the file and cuts them off. The disk gets them at the next
/// checkpoint.
pub(super) fn release(db: &Connection) -> rusqlite::Result<()> {
    // Each row is one page.
    let mut step = db.prepare_cached(&format!("PRAGMA incremental_vacuum({STEP})"))?;
    let mut rows = step.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
