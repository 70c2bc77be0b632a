//! What the writing thread does: it takes what is waiting, does it in one transaction, commits once, and answers everybody.
//! So many senders share one sync, and nobody waits for a timer.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI32, Ordering::Relaxed},
    },
    time::Instant,
};

use rusqlite::Connection;
use tokio::sync::mpsc::Receiver;

use super::{
    books::{Books, Usage},
    fault::{Fault, judge},
    file::Taken,
    job::Job,
    space::Space,
};
use crate::inbox::{
    clock::Clock,
    settings::Limits,
    store::{StoreError, StoreMeter},
};

/// In one commit: some hundred pieces of work, some MiB.
const MOST_JOBS: usize = 512;
const MOST_BYTES: usize = 8 << 20;

/// Pages that the log grows by before they are moved into the file.
const CHECKPOINT_PAGES: i32 = 4000;

type Jobs = Vec<Box<dyn Job>>;

/// What the thread works with.
pub(super) struct Desk {
    db: Connection,
    clock: Clock,
    limits: Limits,
    space: Space,
    meter: Arc<StoreMeter>,
    usage: Usage,
    /// Pages in the log, as the last commit left them.
    pages: Arc<AtomicI32>,
    /// Of these, those that had come when the log was last moved into the file.
    moved: i32,
    failed: Arc<OnceLock<String>>,
    /// Given back after the connection, which is above, is closed.
    taken: Taken,
}

impl Desk {
    pub(super) fn new(
        mut db: Connection,
        taken: Taken,
        limits: &Limits,
        clock: Clock,
        meter: Arc<StoreMeter>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            usage: Usage::read(&db)?,
            pages: count_pages(&mut db)?,
            moved: 0,
            space: Space::of(&taken.file, limits.disk_floor),
            limits: *limits,
            db,
            clock,
            meter,
            failed: Arc::default(),
            taken,
        })
    }

    /// Where the reason will stand if the store fails for good.
    pub(super) fn failed(&self) -> Arc<OnceLock<String>> {
        Arc::clone(&self.failed)
    }

    /// Works until nobody can ask for anything any more and all is done.
    pub(super) fn work(mut self, mut waiting: Receiver<Box<dyn Job>>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut jobs = gather(first, &mut waiting);
            let end = self.commit(&mut jobs);
            for job in jobs {
                job.answer(end.clone());
            }
            self.checkpoint();
        }
        self.close();
    }

    fn commit(&mut self, jobs: &mut Jobs) -> Result<(), StoreError> {
        if let Some(failed) = self.failed.get() {
            return Err(StoreError::Failed(failed.clone()));
        }
        let begun = Instant::now();
        match self.transaction(jobs, begun) {
            Ok(usage) => {
                self.usage = usage;
                self.meter.committed(jobs.len(), begun.elapsed());
                Ok(())
            }
            Err(error) => {
                let trouble = self.judge(&error);
                if !self.db.is_autocommit() {
                    // Where that fails too, the next BEGIN does, and nothing is acknowledged.
                    let _ = self.db.execute_batch("ROLLBACK");
                }
                Err(trouble)
            }
        }
    }

    /// All of it, with the totals as they are then.
    fn transaction(&mut self, jobs: &mut Jobs, now: Instant) -> rusqlite::Result<Usage> {
        let mut books = Books {
            db: &self.db,
            now: self.clock.now(),
            limits: &self.limits,
            space: self.space.is_left(now),
            usage: self.usage,
        };
        books.execute("BEGIN IMMEDIATE")?;
        for job in jobs {
            run(&mut books, &mut **job)?;
        }
        if books.usage != self.usage {
            books.usage.write(&books)?;
        }
        books.execute("COMMIT")?;
        Ok(books.usage)
    }

    fn judge(&self, error: &rusqlite::Error) -> StoreError {
        let trouble = judge(error);
        // The first reason stays.
        if let StoreError::Failed(why) = &trouble
            && self.failed.set(why.clone()).is_ok()
        {
            self.taken.doubt();
        }
        trouble
    }

    /// Moves the log into the file once it is long. SQLite would do it by itself, but then it keeps to itself that a sync
    /// failed, and tries again.
    fn checkpoint(&mut self) {
        let pages = self.pages.load(Relaxed);
        if pages < self.moved {
            self.moved = 0;
        }
        if pages - self.moved >= CHECKPOINT_PAGES && self.failed.get().is_none() {
            self.moved = pages;
            self.move_log("PRAGMA wal_checkpoint(PASSIVE)");
        }
    }

    fn move_log(&self, how: &str) {
        if let Err(error) = self.db.query_row(how, [], |_| Ok(())) {
            // A disk without room has lost nothing: all of it is in the log.
            self.judge(&error);
        }
    }

    /// Leaves no log behind, which is how the next start knows that all went well.
    fn close(self) {
        if self.failed.get().is_none() {
            self.move_log("PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }
}

fn gather(first: Box<dyn Job>, waiting: &mut Receiver<Box<dyn Job>>) -> Jobs {
    let mut bytes = first.weight();
    let mut jobs = vec![first];
    while jobs.len() < MOST_JOBS && bytes < MOST_BYTES {
        let Ok(job) = waiting.try_recv() else {
            break;
        };
        bytes += job.weight();
        jobs.push(job);
    }
    jobs
}

/// One piece of work: what goes wrong with it undoes it alone. An error is one of the whole transaction.
fn run(books: &mut Books<'_>, job: &mut dyn Job) -> rusqlite::Result<()> {
    let before = books.usage;
    books.execute("SAVEPOINT job")?;
    let Err(fault) = job.run(books) else {
        return books.execute("RELEASE job");
    };
    match fault {
        // Of some errors SQLite rolls everything back.
        Fault::Sql(error) if books.db.is_autocommit() => return Err(error),
        Fault::Sql(error) if matches!(judge(&error), StoreError::Failed(_)) => return Err(error),
        fault => job.undone(fault.into()),
    }
    books.usage = before;
    books.execute("ROLLBACK TO job")?;
    books.execute("RELEASE job")
}

fn count_pages(db: &mut Connection) -> rusqlite::Result<Arc<AtomicI32>> {
    let pages = Arc::new(AtomicI32::new(0));
    let count = Arc::clone(&pages);
    db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
        count.store(pages, Relaxed);
        Ok(())
    }))?;
    Ok(pages)
}
