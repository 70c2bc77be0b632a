//! Maintenance of the file while no job waits: truncates a long log, and returns free pages to the
//! disk.

use rusqlite::Connection;

use super::{committer::Committer, free_pages};

/// The state of the maintenance.
#[derive(Default)]
pub(super) struct Maintenance {
    /// Whether pages were returned that the disk gets at the next checkpoint.
    needs_checkpoint: bool,
    /// Whether the file keeps its free pages: it was made without `auto_vacuum`, as
    /// `sqlite3 FILE .recover` makes one.
    never_shrinks: bool,
}

/// Whether there is more to maintain.
#[derive(Debug)]
pub(super) enum Upkeep {
    Done,
    /// More at once, if no job waits.
    More,
    /// More later, once a reader has ended or the disk has more space.
    Later,
}

impl Maintenance {
    /// Does one step.
    pub(super) fn step(&mut self, committer: &mut Committer, db: &Connection) -> Upkeep {
        if committer.has_failed() {
            Upkeep::Done
        } else if committer.has_long_wal() {
            committer.maintain_wal(|wal| wal.truncate(db));
            Upkeep::Later
        } else if !self.never_shrinks && committer.has_excess_pages() {
            self.release_pages(committer, db)
        } else if self.needs_checkpoint {
            let is_complete = committer.maintain_wal(|wal| wal.checkpoint(db));
            self.needs_checkpoint = !is_complete.unwrap_or(false);
            Upkeep::Later
        } else {
            Upkeep::Done
        }
    }

    fn release_pages(&mut self, committer: &mut Committer, db: &Connection) -> Upkeep {
        let before = committer.pages();
        let released = committer.transaction(db, |committer| {
            free_pages::release(db)?;
            Ok(committer.usage())
        });
        committer.checkpoint_if_long(db);
        match released {
            Ok(()) if committer.pages().have_shrunk_since(before) => {
                self.needs_checkpoint = true;
                Upkeep::More
            }
            Ok(()) => {
                self.never_shrinks = true;
                Upkeep::Done
            }
            Err(_) => Upkeep::Later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inbox::store::{
            sqlite::{connection, file, open_files::OpenFiles, schema},
            suite::{LIMITS, START, seals},
        },
        runtime::clock::Clock,
    };

    /// Returns the number of steps until a file with some hundred free pages and this `auto_vacuum`
    /// is maintained.
    fn steps(auto_vacuum: &str) -> usize {
        let directory = tempfile::tempdir().unwrap();
        let locked = file::lock(&directory.path().join("inbox.db")).unwrap();
        let mut db = connection::open_writer(&locked.path).unwrap();
        schema::prepare(&mut db).unwrap();
        db.execute_batch(&format!(
            "PRAGMA auto_vacuum = {auto_vacuum}; VACUUM;
             CREATE TABLE filler (bytes BLOB); INSERT INTO filler VALUES (zeroblob(4000000)); DROP TABLE filler;"
        ))
        .unwrap();
        let open_files = OpenFiles::record(&locked).unwrap().into();
        let (clock, meter) = (Clock::manual(START), Default::default());
        let committer = Committer::new(&mut db, locked, open_files, &LIMITS, seals(), clock, meter);
        let (mut committer, mut maintenance) = (committer.unwrap(), Maintenance::default());
        assert!(committer.has_excess_pages());
        (1..100)
            .find(|_| matches!(maintenance.step(&mut committer, &db), Upkeep::Done))
            .expect("it comes to an end")
    }

    #[test]
    fn a_file_that_cannot_shrink_is_left_as_it_is() {
        assert_eq!(steps("NONE"), 1);
        assert!(steps("INCREMENTAL") > 5);
    }
}
