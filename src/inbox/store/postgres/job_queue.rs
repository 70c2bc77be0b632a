//! The queue of work for a connection, and the wait for its result.

use futures_util::future::LocalBoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Error;

use super::{fault::fault, session::Session};
use crate::inbox::store::{
    StoreError, StoreFuture,
    postgres::{
        settle_worker::{Errand, Task},
        worker::Trouble,
    },
};

/// The most that waits for a connection. More is turned away at once.
const QUEUED: usize = 1024;

/// The sending half of a lane's queue.
pub(super) struct Desk<J> {
    jobs: mpsc::Sender<J>,
    pub(super) trouble: Trouble,
}

/// A desk, and where its lane takes the work from.
pub(super) fn desk<J>() -> (Desk<J>, mpsc::Receiver<J>) {
    let (jobs, queue) = mpsc::channel(QUEUED);
    let trouble = Trouble::default();
    (Desk { jobs, trouble }, queue)
}

impl<J: Send> Desk<J> {
    /// Hands in a job, whose answer comes if it is not dropped.
    pub(super) fn hand_in<T: Send + 'static>(
        &self,
        job: J,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> StoreFuture<'static, T> {
        let unavailable = |words: &str| StoreError::Unavailable(words.to_owned());
        if let Some(error) = self.trouble.error() {
            return Box::pin(async move { Err(error) });
        }
        if self.jobs.try_send(job).is_err() {
            let busy = unavailable("more waits for the database than may");
            return Box::pin(async move { Err(busy) });
        }
        let trouble = self.trouble.clone();
        Box::pin(async move {
            answered.await.unwrap_or_else(|_dropped| {
                let unknown = || unavailable("the database gave no answer");
                Err(trouble.error().unwrap_or_else(unknown))
            })
        })
    }
}

impl Desk<Task> {
    pub(super) fn errand<T: Send + 'static>(
        &self,
        run: impl for<'a> FnOnce(&'a Session) -> LocalBoxFuture<'a, Result<T, Error>> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let (answer, answered) = oneshot::channel();
        let errand: Errand = Box::new(move |session| {
            let running = run(session);
            Box::pin(async move {
                let (said, left) = match running.await {
                    Ok(value) => (Ok(value), Ok(())),
                    Err(error) => (Err(fault(&error)), Err(error)),
                };
                // Who asked may be gone; it is done all the same.
                let _ = answer.send(said);
                left
            })
        });
        self.hand_in(Task::Errand(errand), answered)
    }
}
