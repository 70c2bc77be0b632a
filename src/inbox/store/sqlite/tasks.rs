//! The queue of the thread that writes.

use std::{collections::VecDeque, io, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc::Receiver,
    time::timeout,
};

use super::{backup, job::Job};

/// A request to the thread.
pub(super) enum Task {
    Job(Box<dyn Job>),
    Backup(backup::Request),
}

/// The queue of the thread.
pub(super) struct Tasks {
    waiting: Receiver<Task>,
    /// Those that were met while jobs were looked for.
    backups: VecDeque<backup::Request>,
    /// For its timer alone.
    runtime: Runtime,
}

impl Tasks {
    pub(super) fn new(waiting: Receiver<Task>) -> io::Result<Self> {
        Ok(Self {
            waiting,
            backups: VecDeque::new(),
            runtime: Builder::new_current_thread().enable_time().build()?,
        })
    }

    /// Whether nothing waits, and nothing will come any more.
    pub(super) fn have_ended(&self) -> bool {
        self.backups.is_empty() && self.waiting.is_closed() && self.waiting.is_empty()
    }

    /// The next task, if one waits.
    pub(super) fn ready(&mut self) -> Option<Task> {
        let backup = self.backups.pop_front().map(Task::Backup);
        backup.or_else(|| self.waiting.try_recv().ok())
    }

    /// The next job, if one waits. A backup stays for later.
    pub(super) fn ready_job(&mut self) -> Option<Box<dyn Job>> {
        loop {
            match self.waiting.try_recv().ok()? {
                Task::Job(job) => return Some(job),
                Task::Backup(request) => self.backups.push_back(request),
            }
        }
    }

    /// Waits for the next task; none if nobody can ask for anything any more.
    pub(super) fn next(&mut self) -> Option<Task> {
        self.waiting.blocking_recv()
    }

    /// Waits for the next task, but not for longer than `most`.
    pub(super) fn next_within(&mut self, most: Duration) -> Option<Task> {
        let next = self.waiting.recv();
        let next = self.runtime.block_on(async { timeout(most, next).await });
        next.ok().flatten()
    }
}
