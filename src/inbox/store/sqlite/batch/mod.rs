//! The work of the thread that writes: it takes what is waiting, does it in one transaction, commits once, and answers
//! everybody. So many senders share one sync, and nobody waits for a timer. While nothing waits, it tidies up.

#[cfg(test)]
mod tests;

use std::{
    fs,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{
    fault::{Fault, judge},
    file::Taken,
    free_pages::{self, Pages},
    identity::Identity,
    job::Job,
    log::{Log, move_into_file},
    space::{Room, Space},
    tasks::{Task, Tasks},
};
use crate::{
    delivery::seal::DeliverySeals,
    inbox::{
        settings::Limits,
        store::{
            StoreError, StoreMeter,
            sqlite::tx::{Books, Usage},
        },
    },
    runtime::clock::Clock,
};

/// In one commit: some hundred pieces of work, some MiB.
const MOST_JOBS: usize = 512;
const MOST_BYTES: usize = 8 << 20;

/// How long it waits until it tries again to tidy up what it could not.
const PAUSE: Duration = Duration::from_secs(1);

type Jobs = Vec<Box<dyn Job>>;

/// What the thread works with.
pub(super) struct Desk {
    db: Connection,
    batches: Batches,
}

/// The state between two commits.
struct Batches {
    clock: Clock,
    limits: Limits,
    seals: DeliverySeals,
    space: Space,
    meter: Arc<StoreMeter>,
    usage: Usage,
    pages: Pages,
    log: Log,
    /// What the disk had left before the last commit.
    room: Room,
    /// Whether pages were returned that the disk has only once the log is moved.
    has_shrunk: bool,
    /// Whether the file keeps its free pages: it was made without `auto_vacuum`, as `sqlite3 FILE .recover` makes one.
    never_shrinks: bool,
    identity: Arc<Identity>,
    /// Why nothing may come in, though what is stored goes on.
    barred: Option<StoreError>,
    failed: Arc<OnceLock<String>>,
    /// Given back after the connection is closed.
    taken: Taken,
}

/// Whether there is more to tidy up.
#[derive(Debug)]
enum Untidy {
    No,
    /// At once, if nothing else is to be done.
    Now,
    /// Later, when a reader has gone or the disk has more room.
    Later,
}

impl Desk {
    pub(super) fn new(
        mut db: Connection,
        taken: Taken,
        identity: Arc<Identity>,
        limits: &Limits,
        seals: DeliverySeals,
        clock: Clock,
        meter: Arc<StoreMeter>,
    ) -> rusqlite::Result<Self> {
        let batches = Batches {
            usage: Usage::read(&db)?,
            pages: Pages::count(&db)?,
            log: Log::of(&mut db)?,
            room: Room::ENOUGH,
            has_shrunk: false,
            never_shrinks: false,
            space: Space::of(&taken.file, limits.disk_floor),
            limits: *limits,
            seals,
            clock,
            meter,
            identity,
            barred: None,
            failed: Arc::default(),
            taken,
        };
        Ok(Self { db, batches })
    }

    /// Where the reason will stand if the store fails for good.
    pub(super) fn failed(&self) -> Arc<OnceLock<String>> {
        Arc::clone(&self.batches.failed)
    }

    /// Works until nobody can ask for anything any more and all is done.
    pub(super) fn work(self, mut tasks: Tasks) {
        let Self { db, mut batches } = self;
        while let Some(task) = batches.next(&db, &mut tasks) {
            match task {
                Task::Job(job) => batches.serve(&db, job, &mut tasks),
                // Others have their turn after each step.
                Task::Backup(request) => request.carry_out(&db, || {
                    if let Some(job) = tasks.ready_job() {
                        batches.serve(&db, job, &mut tasks);
                    }
                }),
            }
        }
        batches.close(&db);
        drop(db);
        drop(batches);
    }
}

impl Batches {
    /// The next task. Tidies up while there is none.
    fn next(&mut self, db: &Connection, tasks: &mut Tasks) -> Option<Task> {
        loop {
            if let Some(task) = tasks.ready() {
                return Some(task);
            }
            if tasks.have_ended() {
                return None;
            }
            match self.tidy(db) {
                Untidy::No => return tasks.next(),
                Untidy::Now => {}
                Untidy::Later => {
                    if let Some(task) = tasks.next_within(PAUSE) {
                        return Some(task);
                    }
                }
            }
        }
    }

    /// Does a job, and others that have come meanwhile, in one commit.
    fn serve(&mut self, db: &Connection, first: Box<dyn Job>, tasks: &mut Tasks) {
        let mut jobs = gather(first, tasks);
        let end = self.commit(db, &mut jobs);
        let lasting = end.clone().and_then(|()| self.find_in_place(db));
        for job in jobs {
            let end = if job.must_last() { &lasting } else { &end };
            job.answer(end.clone());
        }
        self.move_log(db);
    }

    fn commit(&mut self, db: &Connection, jobs: &mut Jobs) -> Result<(), StoreError> {
        if let Some(failed) = self.failed.get() {
            return Err(StoreError::Failed(failed.clone()));
        }
        if self.barred.is_some() {
            self.barred = self.identity.check().err();
        }
        // What is in the log must have room in the file besides.
        self.room = self.space.left(self.log.unmoved());
        let begun = Instant::now();
        let work = |batches: &Self| batches.run_all(db, jobs);
        self.transaction(db, work)?;
        self.meter.committed(jobs.len(), begun.elapsed());
        Ok(())
    }

    /// Commits what `work` does. It gives the totals as they are then.
    fn transaction(
        &mut self,
        db: &Connection,
        work: impl FnOnce(&Self) -> rusqlite::Result<Usage>,
    ) -> Result<(), StoreError> {
        let committed = (|| {
            db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            self.log.stamp(db)?;
            let usage = work(self)?;
            let pages = Pages::count(db)?;
            db.prepare_cached("COMMIT")?.execute([])?;
            Ok((usage, pages))
        })();
        match committed {
            Ok(counted) => {
                (self.usage, self.pages) = counted;
                self.log.stamped();
                Ok(())
            }
            Err(error) => {
                let trouble = self.judge(&error);
                self.log.try_again();
                if !db.is_autocommit() {
                    // If that fails too, the next BEGIN does, and nothing is acknowledged.
                    let _ = db.execute_batch("ROLLBACK");
                }
                Err(trouble)
            }
        }
    }

    fn run_all(&self, db: &Connection, jobs: &mut Jobs) -> rusqlite::Result<Usage> {
        let mut books = Books {
            db,
            now: self.clock.now(),
            limits: &self.limits,
            seals: &self.seals,
            space: self.has_room(),
            barred: self.barred.as_ref(),
            usage: self.usage,
        };
        for job in jobs {
            run(&mut books, &mut **job)?;
        }
        if books.usage != self.usage {
            books.usage.write(&books)?;
        }
        Ok(books.usage)
    }

    /// Whether something may come in.
    fn has_room(&self) -> bool {
        let free_in_file = || {
            let file = fs::metadata(&self.taken.file);
            self.pages.free_in(file.map_or(0, |file| file.len()))
        };
        !self.room.is_scarce() || self.room.takes_in(free_in_file())
    }

    /// Makes sure that the commit went into the files that a restart would find. Otherwise no event of it is acknowledged, and
    /// those that come after are refused one by one. All else counts, so that stored events can still be delivered.
    fn find_in_place(&mut self, db: &Connection) -> Result<(), StoreError> {
        if self.barred.is_some() {
            return Ok(());
        }
        let found = self.identity.check();
        self.barred = found.clone().err();
        if found.is_err() {
            // Makes the file whole: it may have been moved, or its log removed.
            let moved = self.log.move_now(db);
            let _ = moved.map_err(|error| self.judge(&error));
        }
        found
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

    fn move_log(&mut self, db: &Connection) {
        if self.failed.get().is_none()
            && let Err(error) = self.log.move_if_long(db, self.room.is_scarce())
        {
            // A disk without room has lost nothing: all of it is in the log.
            self.judge(&error);
        }
    }

    /// Does one step of what can wait.
    fn tidy(&mut self, db: &Connection) -> Untidy {
        if self.failed.get().is_some() {
            return Untidy::No;
        }
        let done = if self.log.is_too_long() {
            self.log.cut(db).map(|()| Untidy::Later)
        } else if self.has_pages_to_return() {
            return self.give_pages_back(db);
        } else if self.has_shrunk {
            let moved = self.log.move_now(db);
            moved.map(|whole| {
                self.has_shrunk = !whole;
                Untidy::Later
            })
        } else {
            return Untidy::No;
        };
        done.unwrap_or_else(|error| {
            self.judge(&error);
            Untidy::Later
        })
    }

    fn has_pages_to_return(&self) -> bool {
        self.barred.is_none()
            && !self.never_shrinks
            && self.pages.are_too_many(self.room.is_scarce())
    }

    fn give_pages_back(&mut self, db: &Connection) -> Untidy {
        let before = self.pages;
        let given = self.transaction(db, |batches| {
            free_pages::give_back(db)?;
            Ok(batches.usage)
        });
        self.move_log(db);
        match given {
            Ok(()) if self.pages.are_fewer_than(before) => {
                self.has_shrunk = true;
                Untidy::Now
            }
            Ok(()) => {
                self.never_shrinks = true;
                Untidy::No
            }
            Err(_) => Untidy::Later,
        }
    }

    /// Leaves no log behind, which is how the next start knows that all went well.
    fn close(&self, db: &Connection) {
        if self.failed.get().is_none() {
            let moved = move_into_file(db, "TRUNCATE");
            let _ = moved.map_err(|error| self.judge(&error));
        }
    }
}

fn gather(first: Box<dyn Job>, tasks: &mut Tasks) -> Jobs {
    let mut bytes = first.weight();
    let mut jobs = vec![first];
    while jobs.len() < MOST_JOBS && bytes < MOST_BYTES {
        let Some(job) = tasks.ready_job() else {
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
