//! The loop of the writer thread: it takes the waiting jobs, commits them together, and maintains
//! the file while none waits.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use rusqlite::Connection;

use super::{
    committer::Committer,
    maintenance::{Maintenance, Upkeep},
    task_queue::{Task, TaskQueue},
};

/// The pause before maintenance that could not be done is tried again.
const MAINTENANCE_PAUSE: Duration = Duration::from_secs(1);

/// The state of the writer thread.
pub(super) struct WriterLoop {
    db: Connection,
    committer: Committer,
    maintenance: Maintenance,
}

impl WriterLoop {
    pub(super) fn new(db: Connection, committer: Committer) -> Self {
        Self {
            db,
            committer,
            maintenance: Maintenance::default(),
        }
    }

    /// Returns the cell that will hold the reason if the store fails for good.
    pub(super) fn failure(&self) -> Arc<OnceLock<String>> {
        self.committer.failure()
    }

    /// Runs until no task can come any more and all are done.
    pub(super) fn run(mut self, mut queue: TaskQueue) {
        while let Some(task) = self.next(&mut queue) {
            let Self { db, committer, .. } = &mut self;
            match task {
                Task::Job(job) => committer.commit(db, job, &mut queue),
                // Jobs get their turn after each step.
                Task::Backup(request) => request.run(db, || {
                    if let Some(job) = queue.ready_job() {
                        committer.commit(db, job, &mut queue);
                    }
                }),
            }
        }
        let Self {
            db, mut committer, ..
        } = self;
        committer.close(&db);
        // The committer holds the lock of the file, which ends after the connection.
        drop(db);
        drop(committer);
    }

    /// Returns the next task. Maintains the file while there is none.
    fn next(&mut self, queue: &mut TaskQueue) -> Option<Task> {
        loop {
            if let Some(task) = queue.ready() {
                return Some(task);
            }
            if queue.has_ended() {
                return None;
            }
            match self.maintenance.step(&mut self.committer, &self.db) {
                Upkeep::Done => return queue.next(),
                Upkeep::More => {}
                Upkeep::Later => {
                    if let Some(task) = queue.next_within(MAINTENANCE_PAUSE) {
                        return Some(task);
                    }
                }
            }
        }
    }
}
