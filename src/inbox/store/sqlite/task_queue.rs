//! The queue of the writer thread.

use std::{collections::VecDeque, io, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc::Receiver,
    time::timeout,
};

use super::{backup::BackupRequest, job::Job};

/// A task of the writer thread.
pub(super) enum Task {
    Job(Box<dyn Job>),
    Backup(BackupRequest),
}

/// The receiving half of the queue.
pub(super) struct TaskQueue {
    rx: Receiver<Task>,
    /// Backups that were received while the thread looked for jobs.
    backups: VecDeque<BackupRequest>,
    /// Provides the timer.
    runtime: Runtime,
}

impl TaskQueue {
    pub(super) fn new(rx: Receiver<Task>) -> io::Result<Self> {
        Ok(Self {
            rx,
            backups: VecDeque::new(),
            runtime: Builder::new_current_thread().enable_time().build()?,
        })
    }

    /// Whether no task waits and none can come any more.
    pub(super) fn has_ended(&self) -> bool {
        self.backups.is_empty() && self.rx.is_closed() && self.rx.is_empty()
    }

    /// Returns the next task, if one waits.
    pub(super) fn ready(&mut self) -> Option<Task> {
        let backup = self.backups.pop_front().map(Task::Backup);
        backup.or_else(|| self.rx.try_recv().ok())
    }

    /// Returns the next job, if one waits. Backups stay for later.
    pub(super) fn ready_job(&mut self) -> Option<Box<dyn Job>> {
        loop {
            match self.rx.try_recv().ok()? {
                Task::Job(job) => return Some(job),
                Task::Backup(request) => self.backups.push_back(request),
            }
        }
    }

    /// Waits for the next task. Returns `None` if none can come any more.
    pub(super) fn next(&mut self) -> Option<Task> {
        self.rx.blocking_recv()
    }

    /// Waits for the next task, but at most this long.
    pub(super) fn next_within(&mut self, most: Duration) -> Option<Task> {
        let next = self.rx.recv();
        let next = self.runtime.block_on(async { timeout(most, next).await });
        next.ok().flatten()
    }
}
