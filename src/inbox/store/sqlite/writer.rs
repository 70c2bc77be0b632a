//! The way to the one thread that writes, which anybody may take. What the thread does is `batch`'s.

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
    backup,
    batch::Desk,
    fault::Fault,
    job::{Answered, job},
    tasks::{Task, Tasks},
};
use crate::inbox::store::{StoreError, StoreFuture, sqlite::tx::Books};

/// Waiting for the writer; the limit on all bodies holds their memory.
const WAITING: usize = 4096;

/// Once it is dropped, what waits is still done.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Task>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<OnceLock<String>>,
}

impl Writer {
    pub(super) fn start(desk: Desk) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let failed = desk.failed();
        let tasks = Tasks::new(waiting)?;
        let thread = thread::Builder::new()
            .name("cartgate-store".to_owned())
            .spawn(move || desk.work(tasks))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            failed,
        })
    }

    /// Hands over work whose result must last: at once, if there is room, whether or not the answer is waited for.
    pub(super) fn hand_over<T: Send + 'static>(
        &self,
        weight: usize,
        held: Box<dyn Send>,
        work: impl FnOnce(&mut Books<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let (job, answered) = job(weight, true, held, work);
        let handed = self.jobs.as_ref().map(|jobs| jobs.try_send(Task::Job(job)));
        match handed {
            Some(Ok(())) => Box::pin(answer(answered)),
            Some(Err(TrySendError::Full(_))) => Box::pin(async { Err(busy()) }),
            Some(Err(TrySendError::Closed(_))) | None => Box::pin(async { Err(ended()) }),
        }
    }

    /// Waits for room first: the gate's own work is little, and must not be crowded out by what comes in.
    pub(super) fn wait_for<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Books<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let writer = Arc::clone(self);
        Box::pin(async move {
            let (job, answered) = job(0, false, Box::new(()), work);
            let jobs = writer.jobs.as_ref().ok_or_else(ended)?;
            jobs.send(Task::Job(job)).await.map_err(|_| ended())?;
            answer(answered).await
        })
    }

    /// Writes a copy of the store to a new file.
    pub(super) fn back_up(self: &Arc<Self>, to: &Path) -> StoreFuture<'static, ()> {
        let (writer, to) = (Arc::clone(self), to.to_owned());
        Box::pin(async move {
            let (asker, answered) = oneshot::channel();
            let request = Task::Backup(backup::Request { to, asker });
            let jobs = writer.jobs.as_ref().ok_or_else(ended)?;
            jobs.send(request).await.map_err(|_| ended())?;
            answer(answered).await
        })
    }

    /// Why it does nothing more, if it does not.
    pub(super) fn outage(&self) -> Option<StoreError> {
        let failed = self.failed.get().cloned().map(StoreError::Failed);
        let gone = || self.jobs.as_ref().is_none_or(mpsc::Sender::is_closed);
        failed.or_else(|| gone().then(ended))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        // One that panicked has left the log behind, so that the next start looks the store over.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn answer<T>(answered: Answered<T>) -> Result<T, StoreError> {
    answered.await.unwrap_or_else(|_| Err(ended()))
}

fn busy() -> StoreError {
    StoreError::Unavailable("more waits to be written than it can take up".to_owned())
}

fn ended() -> StoreError {
    StoreError::Failed("its writer has ended".to_owned())
}
