//! The queue of jobs for a connection.

use tokio::sync::{mpsc, oneshot};

use super::outage::Outage;
use crate::inbox::store::{contract::StoreFuture, error::StoreError};

/// The maximum number of waiting jobs. Further ones fail at once.
const MAX_WAITING: usize = 1024;

/// The sending half of a queue.
pub(super) struct JobQueue<J> {
    jobs: mpsc::Sender<J>,
    pub(super) outage: Outage,
}

/// The receiving half of a queue.
pub(super) struct JobReceiver<J> {
    rx: mpsc::Receiver<J>,
    put_back: Option<J>,
}

/// Makes both halves of a queue.
pub(super) fn job_queue<J>() -> (JobQueue<J>, JobReceiver<J>) {
    let (jobs, rx) = mpsc::channel(MAX_WAITING);
    let outage = Outage::default();
    let receiver = JobReceiver { rx, put_back: None };
    (JobQueue { jobs, outage }, receiver)
}

impl<J: Send> JobQueue<J> {
    /// Submits a job. Its result is an error if the worker drops the job.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        job: J,
        result: oneshot::Receiver<Result<T, StoreError>>,
    ) -> StoreFuture<'static, T> {
        if let Some(error) = self.outage.error() {
            return Box::pin(async move { Err(error) });
        }
        if self.jobs.try_send(job).is_err() {
            return Box::pin(async { Err(unavailable("the queue for the database is full")) });
        }
        let outage = self.outage.clone();
        Box::pin(async move {
            result.await.unwrap_or_else(|_dropped| {
                let unknown = || unavailable("the database did not respond");
                Err(outage.error().unwrap_or_else(unknown))
            })
        })
    }
}

impl<J> JobReceiver<J> {
    /// Returns the next job, if one waits.
    pub(super) fn ready(&mut self) -> Option<J> {
        self.put_back.take().or_else(|| self.rx.try_recv().ok())
    }

    /// Puts a job back, so that it is the next one.
    pub(super) fn put_back(&mut self, job: J) {
        self.put_back = Some(job);
    }

    /// Waits for the next job. Returns `None` if none can come any more.
    pub(super) async fn next(&mut self) -> Option<J> {
        match self.put_back.take() {
            Some(job) => Some(job),
            None => self.rx.recv().await,
        }
    }
}

fn unavailable(text: &str) -> StoreError {
    StoreError::Unavailable(text.to_owned())
}
