//! A job for the writer thread, and the channel of its result.

use tokio::sync::oneshot;

use super::{error::JobError, tx::Tx};
use crate::inbox::store::error::StoreError;

/// A job that shares its transaction with others.
pub(super) trait Job: Send {
    /// Returns about how many bytes the job writes.
    fn weight(&self) -> usize;

    /// Whether the result must survive a restart. Such a job fails if the open files are no longer
    /// those at their paths.
    fn is_durable(&self) -> bool;

    /// Runs the job, and holds its result until the commit. An error undoes this job alone.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), JobError>;

    /// Records the error for which the job was undone.
    fn fail(&mut self, error: StoreError);

    /// Sends the result, once the transaction was committed or has failed.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Receives the result of a job.
pub(super) type JobResult<T> = oneshot::Receiver<Result<T, StoreError>>;

/// A job that runs a function.
struct FnJob<T, F> {
    weight: usize,
    is_durable: bool,
    run: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    /// Accounts for the memory of the job until the commit.
    memory: Box<dyn Send>,
}

/// Makes a job of a function.
pub(super) fn new<T, F>(
    weight: usize,
    is_durable: bool,
    memory: Box<dyn Send>,
    run: F,
) -> (Box<dyn Job>, JobResult<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Tx<'_>) -> Result<T, JobError> + Send + 'static,
{
    let (reply, result) = oneshot::channel();
    let job = FnJob {
        weight,
        is_durable,
        run: Some(run),
        result: None,
        reply,
        memory,
    };
    (Box::new(job), result)
}

impl<T, F> Job for FnJob<T, F>
where
    T: Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, JobError> + Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn is_durable(&self) -> bool {
        self.is_durable
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), JobError> {
        if let Some(run) = self.run.take() {
            self.result = Some(Ok(run(tx)?));
        }
        Ok(())
    }

    fn fail(&mut self, error: StoreError) {
        self.result = Some(Err(error));
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let job = *self;
        let not_run = || Err(StoreError::Unavailable("the job did not run".to_owned()));
        let result = committed.and_then(|()| job.result.unwrap_or_else(not_run));
        drop(job.memory);
        // The caller may be gone; the job is done all the same.
        let _ = job.reply.send(result);
    }
}
