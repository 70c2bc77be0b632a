//! The write-ahead log: how long it is, when it is moved into the file, and when its own file is cut. SQLite would move it by
//! itself, but then it keeps to itself that a sync failed, and tries again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{connection, schema::PAGE, stamp};

/// Pages that the log grows by before they are moved.
const LONG: i32 = 4000;

/// The same while there is little space: a log that was moved as a whole begins anew in the space that it has. Also how much
/// it grows by until what could not be moved is tried again.
const SOON: i32 = 100;

/// Pages that the log's file may keep. A reader that stays for long makes the log grow beyond that; once the reader has gone,
/// the file is cut.
const KEPT: i32 = LONG + LONG / 2;

/// The least time between two attempts to cut the log, which a reader may prevent.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Log {
    /// Pages in it, as the last commit left them.
    pages: Arc<AtomicI32>,
    /// Of these, those that had come when all were in the file.
    moved: i32,
    /// And when that was last tried.
    tried: i32,
    /// Whether the next commit may begin the log anew, and so has to raise the stamp.
    unstamped: bool,
    cut: Option<Instant>,
}

impl Log {
    pub(super) fn of(db: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let count = Arc::clone(&pages);
        db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            count.store(pages, Relaxed);
            Ok(())
        }))?;
        // Cuts the file when a commit begins the log anew, as one does soon where there is always something to write.
        db.pragma_update(
            None,
            "journal_size_limit",
            i64::from(KEPT) * i64::from(PAGE),
        )?;
        Ok(Self {
            pages,
            moved: 0,
            tried: 0,
            unstamped: true,
            cut: None,
        })
    }

    /// Bytes that the file may have to grow by when the log is moved.
    pub(super) fn unmoved(&self) -> u64 {
        let pages = self.pages.load(Relaxed) - self.moved;
        u64::try_from(pages).unwrap_or_default() * u64::from(PAGE)
    }

    /// Does what the first transaction of a log has to begin with.
    pub(super) fn stamp(&self, db: &Connection) -> rusqlite::Result<()> {
        if self.unstamped {
            stamp::raise(db)?;
        }
        Ok(())
    }

    /// A transaction that began with [`Self::stamp`] was committed.
    pub(super) fn stamped(&mut self) {
        self.unstamped = false;
    }

    /// Moves it if it is long for so much space.
    pub(super) fn move_if_long(
        &mut self,
        db: &Connection,
        is_scarce: bool,
    ) -> rusqlite::Result<()> {
        let pages = self.pages.load(Relaxed);
        if pages < self.tried {
            (self.moved, self.tried) = (0, 0);
        }
        let long = if is_scarce { SOON } else { LONG };
        if pages - self.moved < long || pages - self.tried < SOON {
            return Ok(());
        }
        self.move_now(db).map(drop)
    }

    /// Moves what readers allow; whether that was all.
    pub(super) fn move_now(&mut self, db: &Connection) -> rusqlite::Result<bool> {
        let pages = self.pages.load(Relaxed);
        self.tried = pages;
        let whole = move_into_file(db, "PASSIVE")?;
        if whole {
            self.moved = pages;
            self.unstamped = true;
        }
        Ok(whole)
    }

    /// Has the next look move what it can: a disk that was full may be so by the log alone.
    pub(super) fn try_again(&mut self) {
        self.tried = self.moved;
    }

    /// Whether a reader has made it grow beyond what its file may keep.
    pub(super) fn is_too_long(&self) -> bool {
        self.pages.load(Relaxed) > KEPT
    }

    /// Moves all of it and cuts its file, unless a reader still needs it or that was tried just now.
    pub(super) fn cut(&mut self, db: &Connection) -> rusqlite::Result<()> {
        if self.cut.is_some_and(|last| last.elapsed() < PAUSE) {
            return Ok(());
        }
        self.cut = Some(Instant::now());
        // This must not wait for a reader.
        db.busy_timeout(Duration::ZERO)?;
        let whole = move_into_file(db, "TRUNCATE");
        db.busy_timeout(connection::BUSY)?;
        if whole? {
            self.pages.store(0, Relaxed);
            (self.moved, self.tried, self.unstamped) = (0, 0, true);
        }
        Ok(())
    }
}

/// Moves what readers allow, and tells whether that was all.
pub(super) fn move_into_file(db: &Connection, how: &str) -> rusqlite::Result<bool> {
    let sql = format!("PRAGMA wal_checkpoint({how})");
    db.query_row(&sql, [], |row| {
        let [busy, log, moved]: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        Ok(busy == 0 && log == moved)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log that grows by some pages with each call.
    fn grow(db: &Connection, pages: i32) {
        for _ in 0..pages {
            let sql = "INSERT INTO t VALUES (zeroblob(5000))";
            db.execute(sql, []).expect("there is space");
        }
    }

    #[test]
    fn what_a_reader_held_up_is_moved_soon_after_it_has_gone() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("store");
        let mut db = Connection::open(&file).expect("a store");
        db.pragma_update(None, "journal_mode", "WAL").expect("set");
        db.execute_batch("CREATE TABLE t (b BLOB)").expect("made");
        let mut log = Log::of(&mut db).expect("watched");
        let reader = Connection::open(&file).expect("a store");
        reader
            .execute_batch("BEGIN; SELECT * FROM t")
            .expect("begun");

        grow(&db, SOON);
        log.move_if_long(&db, false).expect("looked");
        let unmoved = log.unmoved();
        assert!(unmoved >= 100 * 4096, "not long yet: {unmoved}");
        log.move_if_long(&db, true).expect("tried");
        assert!(log.unmoved() >= unmoved, "the reader sees what was before");

        reader.execute_batch("COMMIT").expect("ended");
        log.move_if_long(&db, true).expect("looked");
        assert!(log.unmoved() >= unmoved, "it was tried just now");
        log.try_again();
        log.move_if_long(&db, true).expect("moved");
        assert_eq!(log.unmoved(), 0);

        grow(&db, 1);
        log.move_if_long(&db, true).expect("looked");
        let begun_anew = log.unmoved();
        assert!(begun_anew > 0 && begun_anew < unmoved, "{begun_anew}");
    }
}
