//! The write-ahead log: how long it is, and when it is moved into the file. SQLite would do that by itself, but then it keeps
//! to itself that a sync failed, and tries again.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering::Relaxed},
};

use rusqlite::Connection;

use super::schema::PAGE;

/// Pages that the log grows by before they are moved.
const LONG: i32 = 4000;

/// The same while there is little space: a log that was moved as a whole begins anew in the space that it has. Also how much
/// it grows by until what could not be moved is tried again.
const SOON: i32 = 100;

pub(super) struct Log {
    /// Pages in it, as the last commit left them.
    pages: Arc<AtomicI32>,
    /// Of these, those that had come when all were in the file.
    moved: i32,
    /// And when that was last tried.
    tried: i32,
}

impl Log {
    pub(super) fn of(db: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let count = Arc::clone(&pages);
        db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            count.store(pages, Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            pages,
            moved: 0,
            tried: 0,
        })
    }

    /// Bytes that the file may have to grow by when the log is moved.
    pub(super) fn unmoved(&self) -> u64 {
        let pages = self.pages.load(Relaxed) - self.moved;
        u64::try_from(pages).unwrap_or_default() * u64::from(PAGE)
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
        self.tried = pages;
        let whole = move_into_file(db, "PASSIVE")?;
        if whole {
            self.moved = pages;
        }
        Ok(())
    }

    /// Has the next look move what it can: a disk that was full may be so by the log alone.
    pub(super) fn try_again(&mut self) {
        self.tried = self.moved;
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
