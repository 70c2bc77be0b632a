//! The worker for everything but inserts: settlements share a transaction, queries run one by one.

use futures_util::future::LocalBoxFuture;
use tokio::sync::oneshot;
use tokio_postgres::Error;

use super::{
    error::{ends_session, store_error},
    job_queue::{JobQueue, JobReceiver},
    session::Session,
    settle,
    time::manual_now,
    worker_loop::Worker,
};
use crate::{
    delivery::event::{Lease, Settlement},
    inbox::store::{contract::StoreFuture, error::StoreError},
    runtime::clock::Clock,
};

/// Runs on the session, and sends its own result. Returns an error after which the session has to
/// be checked.
pub(super) type QueryJob =
    Box<dyn for<'a> FnOnce(&'a Session) -> LocalBoxFuture<'a, Result<(), Error>> + Send>;

/// A settlement to record.
pub(super) struct SettleJob {
    pub(super) lease: Lease,
    pub(super) settlement: Settlement,
    pub(super) reply: oneshot::Sender<Result<bool, StoreError>>,
}

/// A job of the worker.
pub(super) enum Task {
    Settle(SettleJob),
    Query(QueryJob),
}

impl JobQueue<Task> {
    /// Submits a query.
    pub(super) fn query<T: Send + 'static>(
        &self,
        run: impl for<'a> FnOnce(&'a Session) -> LocalBoxFuture<'a, Result<T, Error>> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let (reply, result) = oneshot::channel();
        let query: QueryJob = Box::new(move |session| {
            let run = run(session);
            Box::pin(async move {
                let (result, left) = match run.await {
                    Ok(value) => (Ok(value), Ok(())),
                    Err(error) => (Err(store_error(&error)), Err(error)),
                };
                // The caller may be gone; the query is done all the same.
                let _ = reply.send(result);
                left
            })
        });
        self.submit(Task::Query(query), result)
    }
}

/// Settles deliveries and runs queries.
pub(super) struct SettleWorker {
    clock: Clock,
    shard: i32,
}

impl Worker for SettleWorker {
    type Job = Task;

    async fn run(
        &mut self,
        session: &Session,
        job: Task,
        jobs: &mut JobReceiver<Task>,
    ) -> Result<(), Error> {
        let done = match job {
            Task::Settle(settle) => self.settle(session, gather(settle, jobs)).await,
            Task::Query(query) => query(session).await,
        };
        match done {
            Err(error) if !ends_session(&error) && !session.client.is_closed() => {
                session.rollback().await
            }
            other => other,
        }
    }
}

impl SettleWorker {
    pub(super) fn new(clock: Clock, shard: i32) -> Self {
        Self { clock, shard }
    }

    async fn settle(&self, session: &Session, batch: Vec<SettleJob>) -> Result<(), Error> {
        let settlements: Vec<_> = batch
            .iter()
            .map(|job| (job.lease.clone(), job.settlement.clone()))
            .collect();
        let now = manual_now(&self.clock);
        let settled = settle::settle(session, &settlements, now, self.shard).await;
        for (place, job) in batch.into_iter().enumerate() {
            let result = match &settled {
                Ok(holds) => Ok(holds[place]),
                Err(error) => Err(store_error(error)),
            };
            // The caller may be gone; the delivery is settled all the same.
            let _ = job.reply.send(result);
        }
        settled.map(drop)
    }
}

/// Gathers settlements of different deliveries. A second one of the same delivery depends on the
/// result of the first.
fn gather(first: SettleJob, jobs: &mut JobReceiver<Task>) -> Vec<SettleJob> {
    let mut batch = vec![first];
    while batch.len() < settle::MAX_BATCH
        && let Some(task) = jobs.ready()
    {
        match task {
            Task::Settle(job) if !batch.iter().any(|other| is_same_delivery(other, &job)) => {
                batch.push(job);
            }
            other => {
                jobs.put_back(other);
                break;
            }
        }
    }
    batch
}

fn is_same_delivery(one: &SettleJob, other: &SettleJob) -> bool {
    one.lease.event == other.lease.event && one.lease.queue == other.lease.queue
}
