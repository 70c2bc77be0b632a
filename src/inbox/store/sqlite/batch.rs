//! What the writing thread does: it takes what is waiting, does it in one transaction, commits once, and answers everybody.
//! So many senders share one sync, and nobody waits for a timer.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use rusqlite::Connection;
use tokio::sync::mpsc::Receiver;

use super::{
    books::{Books, Usage},
    fault::{Fault, judge},
    file::Taken,
    job::Job,
    log::{Log, move_into_file},
    space::Space,
};
use crate::inbox::{
    clock::Clock,
    seal::DeliverySeals,
    settings::Limits,
    store::{StoreError, StoreMeter},
};

/// In one commit: some hundred pieces of work, some MiB.
const MOST_JOBS: usize = 512;
const MOST_BYTES: usize = 8 << 20;

type Jobs = Vec<Box<dyn Job>>;

/// What the thread works with.
pub(super) struct Desk {
    db: Connection,
    clock: Clock,
    limits: Limits,
    seals: DeliverySeals,
    space: Space,
    meter: Arc<StoreMeter>,
    usage: Usage,
    log: Log,
    /// Whether the last commit left no room for what comes in.
    is_scarce: bool,
    failed: Arc<OnceLock<String>>,
    /// Given back after the connection, which is above, is closed.
    taken: Taken,
}

impl Desk {
    pub(super) fn new(
        mut db: Connection,
        taken: Taken,
        limits: &Limits,
        seals: DeliverySeals,
        clock: Clock,
        meter: Arc<StoreMeter>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            usage: Usage::read(&db)?,
            log: Log::of(&mut db)?,
            is_scarce: false,
            space: Space::of(&taken.file, limits.disk_floor),
            limits: *limits,
            seals,
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
        // What is in the log must have room in the file besides.
        self.is_scarce = !self.space.is_left(self.log.unmoved());
        let begun = Instant::now();
        match self.transaction(jobs) {
            Ok(usage) => {
                self.usage = usage;
                self.meter.committed(jobs.len(), begun.elapsed());
                Ok(())
            }
            Err(error) => {
                let trouble = self.judge(&error);
                self.log.try_again();
                if !self.db.is_autocommit() {
                    // Where that fails too, the next BEGIN does, and nothing is acknowledged.
                    let _ = self.db.execute_batch("ROLLBACK");
                }
                Err(trouble)
            }
        }
    }

    /// All of it, with the totals as they are then.
    fn transaction(&mut self, jobs: &mut Jobs) -> rusqlite::Result<Usage> {
        let mut books = Books {
            db: &self.db,
            now: self.clock.now(),
            limits: &self.limits,
            seals: &self.seals,
            space: !self.is_scarce,
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

    fn checkpoint(&mut self) {
        if self.failed.get().is_none()
            && let Err(error) = self.log.move_if_long(&self.db, self.is_scarce)
        {
            // A disk without room has lost nothing: all of it is in the log.
            self.judge(&error);
        }
    }

    /// Leaves no log behind, which is how the next start knows that all went well.
    fn close(self) {
        if self.failed.get().is_none() {
            let moved = move_into_file(&self.db, "TRUNCATE");
            let _ = moved.map_err(|error| self.judge(&error));
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
