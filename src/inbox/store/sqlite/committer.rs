//! Commits jobs: the waiting ones together, with one sync for all. No job waits for a timer.

use std::{
    fs,
    sync::{Arc, OnceLock},
    time::Instant,
};

use rusqlite::Connection;

use super::{
    disk_space::{DiskSpace, Shortfall},
    error::{JobError, classify},
    file::LockedFile,
    free_pages::PageCounts,
    job::Job,
    open_files::OpenFiles,
    task_queue::TaskQueue,
    tx::Tx,
    usage,
    wal::{Wal, checkpoint},
};
use crate::{
    delivery::seal::DeliverySeals,
    inbox::{
        settings::Limits,
        store::{error::StoreError, meter::StoreMeter, usage::Usage},
    },
    runtime::clock::Clock,
};

/// The maximum number of jobs and bytes in one commit.
const MAX_JOBS: usize = 512;
const MAX_BYTES: usize = 8 << 20;

type Jobs = Vec<Box<dyn Job>>;

/// The state between two commits.
pub(super) struct Committer {
    clock: Clock,
    limits: Limits,
    seals: DeliverySeals,
    disk: DiskSpace,
    meter: Arc<StoreMeter>,
    usage: Usage,
    pages: PageCounts,
    wal: Wal,
    /// The missing disk space before the last commit.
    shortfall: Shortfall,
    open_files: Arc<OpenFiles>,
    /// Why the store rejects arrivals although stored events go on.
    rejects_arrivals: Option<StoreError>,
    failure: Arc<OnceLock<String>>,
    /// Holds the lock of the file until the connection is closed.
    file: LockedFile,
}

impl Committer {
    pub(super) fn new(
        db: &mut Connection,
        file: LockedFile,
        open_files: Arc<OpenFiles>,
        limits: &Limits,
        seals: DeliverySeals,
        clock: Clock,
        meter: Arc<StoreMeter>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            usage: usage::read(db)?,
            pages: PageCounts::read(db)?,
            wal: Wal::follow(db)?,
            shortfall: Shortfall::NONE,
            disk: DiskSpace::of(&file.path, limits.disk_floor),
            limits: *limits,
            seals,
            clock,
            meter,
            open_files,
            rejects_arrivals: None,
            failure: Arc::default(),
            file,
        })
    }

    /// Returns the cell that will hold the reason if the store fails for good.
    pub(super) fn failure(&self) -> Arc<OnceLock<String>> {
        Arc::clone(&self.failure)
    }

    /// Commits a job together with the others that wait.
    pub(super) fn commit(&mut self, db: &Connection, first: Box<dyn Job>, queue: &mut TaskQueue) {
        let mut jobs = gather(first, queue);
        let committed = self.try_commit(db, &mut jobs);
        let durable = committed.clone().and_then(|()| self.check_files(db));
        for job in jobs {
            let result = if job.is_durable() {
                &durable
            } else {
                &committed
            };
            job.finish(result.clone());
        }
        self.checkpoint_if_long(db);
    }

    fn try_commit(&mut self, db: &Connection, jobs: &mut Jobs) -> Result<(), StoreError> {
        if let Some(failure) = self.failure.get() {
            return Err(StoreError::Failed(failure.clone()));
        }
        if self.rejects_arrivals.is_some() {
            self.rejects_arrivals = self.open_files.check().err();
        }
        // A checkpoint needs disk space for the pages of the log.
        self.shortfall = self.disk.shortfall(self.wal.uncheckpointed_bytes());
        let begun = Instant::now();
        self.transaction(db, |committer| committer.run_all(db, jobs))?;
        self.meter.committed(jobs.len(), begun.elapsed());
        Ok(())
    }

    /// Runs `work`, which returns the new totals, in a transaction, and commits it.
    pub(super) fn transaction(
        &mut self,
        db: &Connection,
        work: impl FnOnce(&Self) -> rusqlite::Result<Usage>,
    ) -> Result<(), StoreError> {
        match self.try_transaction(db, work) {
            Ok(committed) => {
                (self.usage, self.pages) = committed;
                self.wal.set_stamped();
                Ok(())
            }
            Err(error) => {
                let error = self.record_error(&error);
                self.wal.retry_checkpoint();
                if !db.is_autocommit() {
                    // If that fails too, the next BEGIN fails, and nothing is acknowledged.
                    let _ = db.execute_batch("ROLLBACK");
                }
                Err(error)
            }
        }
    }

    fn try_transaction(
        &self,
        db: &Connection,
        work: impl FnOnce(&Self) -> rusqlite::Result<Usage>,
    ) -> rusqlite::Result<(Usage, PageCounts)> {
        db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.wal.stamp(db)?;
        let usage = work(self)?;
        let pages = PageCounts::read(db)?;
        db.prepare_cached("COMMIT")?.execute([])?;
        Ok((usage, pages))
    }

    /// Runs each job in a savepoint of its own. Returns the new totals.
    fn run_all(&self, db: &Connection, jobs: &mut Jobs) -> rusqlite::Result<Usage> {
        let mut tx = Tx {
            db,
            now: self.clock.now(),
            limits: &self.limits,
            seals: &self.seals,
            has_disk_space: self.has_disk_space(),
            rejects_arrivals: self.rejects_arrivals.as_ref(),
            usage: self.usage,
        };
        for job in jobs {
            run(&mut tx, &mut **job)?;
        }
        if tx.usage != self.usage {
            usage::write(&tx)?;
        }
        Ok(tx.usage)
    }

    /// Whether the disk, or else the file, has space for arrivals.
    fn has_disk_space(&self) -> bool {
        let free_in_file = || {
            let file = fs::metadata(&self.file.path);
            self.pages.free_bytes(file.map_or(0, |file| file.len()))
        };
        !self.is_scarce() || self.shortfall.is_covered_by(free_in_file())
    }

    /// Checks that the commit went into the files that a restart would open.
    ///
    /// If not, no event of the commit is acknowledged, and each later arrival is rejected. All
    /// other results count, so that stored events can still be delivered.
    fn check_files(&mut self, db: &Connection) -> Result<(), StoreError> {
        if self.rejects_arrivals.is_some() {
            return Ok(());
        }
        let found = self.open_files.check();
        self.rejects_arrivals = found.clone().err();
        if found.is_err() {
            // Makes the file complete, because it may have been moved, or its log removed.
            let moved = self.wal.checkpoint(db);
            let _ = moved.map_err(|error| self.record_error(&error));
        }
        found
    }

    /// Classifies an error. The first one after which the state of the disk is unknown ends the
    /// store.
    fn record_error(&self, error: &rusqlite::Error) -> StoreError {
        let error = classify(error);
        if let StoreError::Failed(cause) = &error
            && self.failure.set(cause.clone()).is_ok()
        {
            self.file.record_failed_sync();
        }
        error
    }

    /// Runs a checkpoint if the log is long. A full disk loses nothing, because the log has all of
    /// it.
    pub(super) fn checkpoint_if_long(&mut self, db: &Connection) {
        if !self.has_failed()
            && let Err(error) = self.wal.checkpoint_if_long(db, self.is_scarce())
        {
            self.record_error(&error);
        }
    }

    /// Runs a step of maintenance on the log. Returns `None` if it fails.
    pub(super) fn maintain_wal<T>(
        &mut self,
        step: impl FnOnce(&mut Wal) -> rusqlite::Result<T>,
    ) -> Option<T> {
        let result = step(&mut self.wal);
        result.map_err(|error| self.record_error(&error)).ok()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    pub(super) fn has_long_wal(&self) -> bool {
        self.wal.is_too_long()
    }

    /// Whether the file has free pages to return. A file that was moved away stays as it is.
    pub(super) fn has_excess_pages(&self) -> bool {
        self.rejects_arrivals.is_none() && self.pages.exceed_reserve(self.is_scarce())
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    pub(super) fn pages(&self) -> PageCounts {
        self.pages
    }

    fn is_scarce(&self) -> bool {
        self.shortfall.is_scarce()
    }

    /// Leaves no log behind, which tells the next start that the end was clean.
    pub(super) fn close(&mut self, db: &Connection) {
        if !self.has_failed() {
            let moved = checkpoint(db, "TRUNCATE");
            let _ = moved.map_err(|error| self.record_error(&error));
        }
    }
}

fn gather(first: Box<dyn Job>, queue: &mut TaskQueue) -> Jobs {
    let mut bytes = first.weight();
    let mut jobs = vec![first];
    while jobs.len() < MAX_JOBS && bytes < MAX_BYTES {
        let Some(job) = queue.ready_job() else {
            break;
        };
        bytes += job.weight();
        jobs.push(job);
    }
    jobs
}

/// Runs one job, and undoes it alone if it fails. Returns an error that ends the whole transaction.
pub(super) fn run(tx: &mut Tx<'_>, job: &mut dyn Job) -> rusqlite::Result<()> {
    let before = tx.usage;
    tx.execute("SAVEPOINT job")?;
    let Err(error) = job.run(tx) else {
        return tx.execute("RELEASE job");
    };
    match error {
        // After some errors SQLite has rolled everything back.
        JobError::Sql(error) if tx.db.is_autocommit() => return Err(error),
        JobError::Sql(error) if matches!(classify(&error), StoreError::Failed(_)) => {
            return Err(error);
        }
        error => job.fail(error.into()),
    }
    tx.usage = before;
    tx.execute("ROLLBACK TO job")?;
    tx.execute("RELEASE job")
}
