//! The handle of the writer thread.

use std::{
    io,
    path::Path,
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle},
};

use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

use super::{
    backup::BackupRequest,
    error::JobError,
    job::{self, JobResult},
    task_queue::{Task, TaskQueue},
    tx::Tx,
    writer_loop::WriterLoop,
};
use crate::inbox::store::{contract::StoreFuture, error::StoreError};

/// The maximum number of waiting tasks. The limit on the bytes of all bodies bounds their memory.
const MAX_WAITING: usize = 4096;

/// The handle of the writer thread. When it is dropped, the thread still does the waiting tasks.
pub(super) struct Writer {
    tasks: Option<mpsc::Sender<Task>>,
    thread: Option<JoinHandle<()>>,
    failure: Arc<OnceLock<String>>,
}

impl Writer {
    pub(super) fn start(writer_loop: WriterLoop) -> io::Result<Self> {
        let (tasks, rx) = mpsc::channel(MAX_WAITING);
        let failure = writer_loop.failure();
        let queue = TaskQueue::new(rx)?;
        let thread = thread::Builder::new()
            .name("cartgate-store".to_owned())
            .spawn(move || writer_loop.run(queue))?;
        Ok(Self {
            tasks: Some(tasks),
            thread: Some(thread),
            failure,
        })
    }

    /// Makes a writer whose tasks a simulation does. `failure` will hold the reason if the store fails
    /// for good.
    #[cfg(test)]
    pub(super) fn simulated(failure: Arc<OnceLock<String>>) -> (Self, mpsc::Receiver<Task>) {
        let (tasks, rx) = mpsc::channel(MAX_WAITING);
        let writer = Self {
            tasks: Some(tasks),
            thread: None,
            failure,
        };
        (writer, rx)
    }

    /// Submits a durable job at once, or fails if the queue is full. The job runs even if the
    /// future is dropped.
    pub(super) fn submit_now<T: Send + 'static>(
        &self,
        weight: usize,
        memory: Box<dyn Send>,
        run: impl FnOnce(&mut Tx<'_>) -> Result<T, JobError> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let (job, result) = job::new(weight, true, memory, run);
        let sent = self
            .tasks
            .as_ref()
            .map(|tasks| tasks.try_send(Task::Job(job)));
        match sent {
            Some(Ok(())) => Box::pin(receive(result)),
            Some(Err(TrySendError::Full(_))) => Box::pin(async { Err(busy()) }),
            Some(Err(TrySendError::Closed(_))) | None => Box::pin(async { Err(ended()) }),
        }
    }

    /// Submits a job once the queue has room. The gate's own work is little, and arrivals must not
    /// crowd it out.
    pub(super) fn submit<T: Send + 'static>(
        self: &Arc<Self>,
        run: impl FnOnce(&mut Tx<'_>) -> Result<T, JobError> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let writer = Arc::clone(self);
        Box::pin(async move {
            let (job, result) = job::new(0, false, Box::new(()), run);
            writer.send(Task::Job(job)).await?;
            receive(result).await
        })
    }

    /// Writes a copy of the store to a new file.
    pub(super) fn backup(self: &Arc<Self>, to: &Path) -> StoreFuture<'static, ()> {
        let (writer, to) = (Arc::clone(self), to.to_owned());
        Box::pin(async move {
            let (reply, result) = oneshot::channel();
            let request = BackupRequest { to, reply };
            writer.send(Task::Backup(request)).await?;
            receive(result).await
        })
    }

    /// Returns why the thread does nothing more, if it does not.
    pub(super) fn outage(&self) -> Option<StoreError> {
        let failure = self.failure.get().cloned().map(StoreError::Failed);
        let has_ended = || self.tasks.as_ref().is_none_or(mpsc::Sender::is_closed);
        failure.or_else(|| has_ended().then(ended))
    }

    async fn send(&self, task: Task) -> Result<(), StoreError> {
        let tasks = self.tasks.as_ref().ok_or_else(ended)?;
        tasks.send(task).await.map_err(|_| ended())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.tasks = None;
        // A thread that panicked has left the log behind, so the next start checks the store.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn receive<T>(result: JobResult<T>) -> Result<T, StoreError> {
    result.await.unwrap_or_else(|_| Err(ended()))
}

fn busy() -> StoreError {
    StoreError::Unavailable("the write queue is full".to_owned())
}

fn ended() -> StoreError {
    StoreError::Failed("the writer thread has ended".to_owned())
}
