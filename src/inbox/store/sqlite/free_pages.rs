//! Pages of the file that nothing uses any more. They are reused, and returned to the disk in small steps.

use rusqlite::Connection;

use super::schema::PAGE;

/// Pages that one step returns, so that what comes in waits for a few milliseconds at most.
const STEP: u32 = 64;

/// Free pages that a small file keeps.
const FEW: u32 = 128;

/// The share of a large file's pages that may stay free, because daily traffic needs them again.
const SHARE: u32 = 8;

/// Pages of a file, as the last commit left them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pages {
    all: u32,
    free: u32,
}

impl Pages {
    pub(super) fn count(db: &Connection) -> rusqlite::Result<Self> {
        let count = |pragma| {
            db.prepare_cached(pragma)?
                .query_row([], |row| row.get::<_, u32>(0))
        };
        Ok(Self {
            all: count("PRAGMA page_count")?,
            free: count("PRAGMA freelist_count")?,
        })
    }

    /// Bytes of a file of this length that can be written without more of the disk. Pages that were returned are still part of
    /// the file until the log is moved.
    pub(super) fn free_in(self, length: u64) -> u64 {
        let [all, free] = [self.all, self.free].map(|pages| u64::from(pages) * u64::from(PAGE));
        free + length.saturating_sub(all)
    }

    /// Whether pages were returned since then.
    pub(super) fn are_fewer_than(self, before: Self) -> bool {
        self.free < before.free
    }

    /// Whether more is free than should stay so; while the disk is scarce, nothing should.
    pub(super) fn are_too_many(self, is_scarce: bool) -> bool {
        let kept = if is_scarce {
            0
        } else {
            FEW.max(self.all / SHARE)
        };
        self.free > kept
    }
}

/// Moves free pages to the end of the file and cuts them off. The disk has them once the log is moved.
pub(super) fn give_back(db: &Connection) -> rusqlite::Result<()> {
    // Each row is one page.
    let mut step = db.prepare_cached(&format!("PRAGMA incremental_vacuum({STEP})"))?;
    let mut rows = step.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
