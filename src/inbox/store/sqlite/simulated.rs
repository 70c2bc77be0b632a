//! A store in memory for simulations: the operations and the SQL of this engine, without its
//! threads and its file.
//!
//! The simulation decides when waiting jobs are committed, and whether their results arrive. Several
//! gates can share one database, each with its own queue of jobs.

use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, backup::Backup, config::DbConfig};
use tokio::sync::mpsc;

use super::{
    committer::run,
    job::Job,
    reader::{Query, Reader},
    recovery, schema,
    store::SqliteStore,
    task_queue::Task,
    tx::Tx,
    usage,
    writer::Writer,
};
use crate::{
    delivery::seal::DeliverySeals,
    inbox::{
        settings::Limits,
        store::{contract::Store, error::StoreError, usage::Usage},
    },
    runtime::clock::{Clock, Millis},
};

/// The tables, with what every transaction needs.
pub(crate) struct Database {
    db: Connection,
    limits: Limits,
    seals: DeliverySeals,
    usage: Usage,
}

impl Database {
    pub(crate) fn create(limits: Limits, seals: DeliverySeals) -> Self {
        let mut db = memory();
        schema::prepare(&mut db).expect("new tables");
        Self {
            usage: usage::read(&db).expect("the totals"),
            db,
            limits,
            seals,
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.db
    }

    /// Returns the totals that the limits apply to: events and bytes.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.usage.events, self.usage.bytes)
    }

    /// Ends the leases of the last gate, as a start does with a file.
    pub(crate) fn end_leases(&self, now: Millis) {
        recovery::try_end_leases(&self.db, now).expect("leases end");
    }

    /// Runs jobs in one transaction, and commits it.
    pub(crate) fn commit(
        &mut self,
        jobs: &mut Jobs,
        now: Millis,
        mut after_each: impl FnMut(&Connection),
    ) {
        let mut tx = Tx {
            db: &self.db,
            now,
            limits: &self.limits,
            seals: &self.seals,
            has_disk_space: true,
            rejects_arrivals: None,
            usage: self.usage,
        };
        tx.execute("BEGIN IMMEDIATE").expect("a transaction");
        for job in &mut jobs.0 {
            run(&mut tx, &mut **job).expect("memory does not fail");
            after_each(tx.db);
        }
        if tx.usage != self.usage {
            usage::write(&tx).expect("the totals");
        }
        tx.execute("COMMIT").expect("a commit");
        self.usage = tx.usage;
    }

    /// Copies all tables, as they would be on the disk.
    pub(crate) fn copy(&self) -> Connection {
        let mut copy = memory();
        let pages = Backup::new(&self.db, &mut copy).and_then(|backup| backup.step(-1));
        pages.expect("copied");
        copy
    }

    /// Puts a copy in place, as a restart does with what the disk holds.
    pub(crate) fn restore(&mut self, copied: Connection) {
        self.db = copied;
        self.usage = usage::read(&self.db).expect("the totals");
    }
}

fn memory() -> Connection {
    let db = Connection::open_in_memory().expect("memory");
    // SQLite otherwise plans some queries anew at each call.
    let planned = db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
    assert!(planned.expect("a setting"));
    db.set_prepared_statement_cache_capacity(128);
    db
}

/// Jobs that share a transaction.
pub(crate) struct Jobs(Vec<Box<dyn Job>>);

impl Jobs {
    /// Sends the results to those who wait for them.
    pub(crate) fn finish(self, committed: &Result<(), StoreError>) {
        for job in self.0 {
            job.finish(committed.clone());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The work of one store: jobs that write, and queries.
pub(crate) struct StoreWork {
    pub(crate) writes: WaitingJobs,
    pub(crate) reads: [WaitingQueries; 2],
}

/// The jobs that wait for a transaction.
pub(crate) struct WaitingJobs(mpsc::Receiver<Task>);

impl WaitingJobs {
    /// Waits for a job, and returns it with the others that wait.
    pub(crate) async fn next(&mut self) -> Option<Jobs> {
        let first = self.0.recv().await?;
        let mut jobs = Jobs(Vec::new());
        jobs.add(first);
        Some(jobs)
    }

    /// Adds the jobs that wait by now.
    pub(crate) fn gather(&mut self, jobs: &mut Jobs) {
        while let Ok(task) = self.0.try_recv() {
            jobs.add(task);
        }
    }
}

impl Jobs {
    fn add(&mut self, task: Task) {
        match task {
            Task::Job(job) => self.0.push(job),
            Task::Backup(_) => unreachable!("a simulation makes no backup"),
        }
    }
}

/// The queries that wait for a reader.
pub(crate) struct WaitingQueries(mpsc::Receiver<Query>);

impl WaitingQueries {
    /// Waits for a query. A dropped query fails.
    pub(crate) async fn next(&mut self) -> Option<Query> {
        self.0.recv().await
    }
}

/// Opens a store of one gate. `failure` will hold the reason if it fails for good.
pub(crate) fn open(clock: Clock, failure: Arc<OnceLock<String>>) -> (Arc<dyn Store>, StoreWork) {
    let (writer, tasks) = Writer::simulated(failure);
    let (quick_reader, quick) = Reader::simulated();
    let (slow_reader, slow) = Reader::simulated();
    let store = SqliteStore::simulated(clock, [quick_reader, slow_reader], writer);
    let work = StoreWork {
        writes: WaitingJobs(tasks),
        reads: [WaitingQueries(quick), WaitingQueries(slow)],
    };
    (Arc::new(store), work)
}
