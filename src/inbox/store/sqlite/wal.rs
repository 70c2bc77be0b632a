//! The write-ahead log: its length, its checkpoints, and the truncation of its file.
//!
//! SQLite would run checkpoints by itself, but then it hides that a sync failed, and tries again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{connection, header::PAGE_SIZE, stamp};

/// Pages by which the log grows before a checkpoint.
const CHECKPOINT_PAGES: i32 = 4000;

/// The same while disk space is scarce. A log that was checkpointed as a whole begins anew in its
/// own space. Also the growth after which an incomplete checkpoint is tried again.
const SCARCE_CHECKPOINT_PAGES: i32 = 100;

/// Pages that the log's file may keep. A long-running reader makes the log grow beyond that; the
/// file is truncated once the reader has ended.
const MAX_FILE_PAGES: i32 = CHECKPOINT_PAGES + CHECKPOINT_PAGES / 2;

/// The least time between two attempts to truncate the log, which a reader may prevent.
const TRUNCATE_PAUSE: Duration = Duration::from_secs(1);

/// The write-ahead log of an open store.
pub(super) struct Wal {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicI32>,
    /// The pages of the last complete checkpoint.
    checkpointed: i32,
    /// The pages of the last attempt at a checkpoint.
    tried: i32,
    /// Whether the next commit may begin the log anew, and so has to raise the stamp.
    needs_stamp: bool,
    last_truncate: Option<Instant>,
}

impl Wal {
    /// Follows the log of this connection, the only one that writes.
    pub(super) fn follow(db: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let count = Arc::clone(&pages);
        db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            count.store(pages, Relaxed);
            Ok(())
        }))?;
        // SQLite truncates the file when a commit begins the log anew, which happens soon in a busy
        // store.
        db.pragma_update(
            None,
            "journal_size_limit",
            i64::from(MAX_FILE_PAGES) * i64::from(PAGE_SIZE),
        )?;
        Ok(Self {
            pages,
            checkpointed: 0,
            tried: 0,
            needs_stamp: true,
            last_truncate: None,
        })
    }

    /// Returns the bytes by which the database file may grow at the next checkpoint.
    pub(super) fn uncheckpointed_bytes(&self) -> u64 {
        let pages = self.pages.load(Relaxed) - self.checkpointed;
        u64::try_from(pages).unwrap_or_default() * u64::from(PAGE_SIZE)
    }

    /// Raises the stamp, if this transaction may be the first one of a log.
    pub(super) fn stamp(&self, db: &Connection) -> rusqlite::Result<()> {
        if self.needs_stamp {
            stamp::raise(db)?;
        }
        Ok(())
    }

    /// Records that a transaction with [`Self::stamp`] was committed.
    pub(super) fn set_stamped(&mut self) {
        self.needs_stamp = false;
    }

    /// Runs a checkpoint if the log is long for the available disk space.
    pub(super) fn checkpoint_if_long(
        &mut self,
        db: &Connection,
        is_scarce: bool,
    ) -> rusqlite::Result<()> {
        let pages = self.pages.load(Relaxed);
        if pages < self.tried {
            (self.checkpointed, self.tried) = (0, 0);
        }
        let long = if is_scarce {
            SCARCE_CHECKPOINT_PAGES
        } else {
            CHECKPOINT_PAGES
        };
        if pages - self.checkpointed < long || pages - self.tried < SCARCE_CHECKPOINT_PAGES {
            return Ok(());
        }
        self.checkpoint(db).map(drop)
    }

    /// Moves as much of the log into the file as readers allow. Returns whether that was all.
    pub(super) fn checkpoint(&mut self, db: &Connection) -> rusqlite::Result<bool> {
        let pages = self.pages.load(Relaxed);
        self.tried = pages;
        let is_complete = checkpoint(db, "PASSIVE")?;
        if is_complete {
            self.checkpointed = pages;
            self.needs_stamp = true;
        }
        Ok(is_complete)
    }

    /// Lets the next check run a checkpoint at once, because the log alone may fill the disk.
    pub(super) fn retry_checkpoint(&mut self) {
        self.tried = self.checkpointed;
    }

    /// Whether a reader has made the log grow beyond the pages that its file may keep.
    pub(super) fn is_too_long(&self) -> bool {
        self.pages.load(Relaxed) > MAX_FILE_PAGES
    }

    /// Checkpoints the whole log and truncates its file, unless a reader still needs it or that was
    /// tried just now.
    pub(super) fn truncate(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let is_recent = |last: Instant| last.elapsed() < TRUNCATE_PAUSE;
        if self.last_truncate.is_some_and(is_recent) {
            return Ok(());
        }
        self.last_truncate = Some(Instant::now());
        // This must not wait for a reader.
        db.busy_timeout(Duration::ZERO)?;
        let is_complete = checkpoint(db, "TRUNCATE");
        db.busy_timeout(connection::BUSY_TIMEOUT)?;
        if is_complete? {
            self.pages.store(0, Relaxed);
            (self.checkpointed, self.tried, self.needs_stamp) = (0, 0, true);
        }
        Ok(())
    }
}

/// Runs a checkpoint in this mode. Returns whether it moved the whole log into the file.
pub(super) fn checkpoint(db: &Connection, mode: &str) -> rusqlite::Result<bool> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    db.query_row(&sql, [], |row| {
        let [busy, log, moved]: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        Ok(busy == 0 && log == moved)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends about so many pages to the log, each in a commit of its own.
    fn grow(db: &Connection, pages: i32) {
        for _ in 0..pages {
            let sql = "INSERT INTO t VALUES (zeroblob(5000))";
            db.execute(sql, []).expect("there is space");
        }
    }

    #[test]
    fn a_checkpoint_that_a_reader_prevented_follows_soon_after_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("store");
        let mut db = Connection::open(&file).expect("a store");
        db.pragma_update(None, "journal_mode", "WAL").expect("set");
        db.execute_batch("CREATE TABLE t (b BLOB)").expect("made");
        let mut wal = Wal::follow(&mut db).expect("followed");
        let reader = Connection::open(&file).expect("a store");
        reader
            .execute_batch("BEGIN; SELECT * FROM t")
            .expect("begun");

        grow(&db, SCARCE_CHECKPOINT_PAGES);
        wal.checkpoint_if_long(&db, false).expect("checked");
        let before = wal.uncheckpointed_bytes();
        assert!(before >= 100 * 4096, "not long yet: {before}");
        wal.checkpoint_if_long(&db, true).expect("tried");
        assert!(
            wal.uncheckpointed_bytes() >= before,
            "the reader sees the earlier state"
        );

        reader.execute_batch("COMMIT").expect("ended");
        wal.checkpoint_if_long(&db, true).expect("checked");
        assert!(
            wal.uncheckpointed_bytes() >= before,
            "it was tried just now"
        );
        wal.retry_checkpoint();
        wal.checkpoint_if_long(&db, true).expect("moved");
        assert_eq!(wal.uncheckpointed_bytes(), 0);

        grow(&db, 1);
        wal.checkpoint_if_long(&db, true).expect("checked");
        let begun_anew = wal.uncheckpointed_bytes();
        assert!(begun_anew > 0 && begun_anew < before, "{begun_anew}");
    }
}
