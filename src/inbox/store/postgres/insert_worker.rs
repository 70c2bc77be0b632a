//! The worker that inserts: it writes the waiting arrivals in one transaction, and replies after
//! the commit.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use tokio_postgres::Error;

use super::{
    batch::{InsertResult, Rules},
    error::{ends_session, store_error},
    insert::insert,
    job_queue::JobReceiver,
    session::Session,
    time::manual_now,
    usage,
    worker_loop::Worker,
};
use crate::{
    delivery::{event::Arrival, seal::DeliverySeals},
    inbox::{
        settings::Limits,
        store::{error::StoreError, meter::StoreMeter, usage::Usage},
    },
    runtime::clock::Clock,
};

/// The maximum number of arrivals and bytes in one transaction.
const MAX_JOBS: usize = 256;
const MAX_BYTES: usize = 4 << 20;

/// How long the totals of the last transaction are used. Other gates write, too.
const USAGE_MAX_AGE: Duration = Duration::from_secs(1);

/// An arrival to store.
pub(super) struct InsertJob {
    pub(super) arrival: Arrival,
    /// Accounts for the memory of the arrival until the commit.
    pub(super) memory: Box<dyn Send>,
    pub(super) reply: oneshot::Sender<InsertResult>,
}

/// Stores arrivals.
pub(super) struct InsertWorker {
    limits: Limits,
    seals: DeliverySeals,
    clock: Clock,
    meter: Arc<StoreMeter>,
    shard: i32,
    /// The totals, and when they were read.
    usage: Option<(Usage, Instant)>,
}

impl Worker for InsertWorker {
    type Job = InsertJob;

    async fn run(
        &mut self,
        session: &Session,
        job: InsertJob,
        jobs: &mut JobReceiver<InsertJob>,
    ) -> Result<(), Error> {
        let batch = gather(job, jobs);
        match self.write(session, &batch).await {
            Ok(results) => {
                reply(batch, results);
                Ok(())
            }
            Err(error) => {
                let survives = self.rollback(session, &error).await?;
                if survives && batch.len() > 1 {
                    return self.write_one_by_one(session, batch).await;
                }
                reply_error(batch, &error);
                if survives { Ok(()) } else { Err(error) }
            }
        }
    }
}

impl InsertWorker {
    pub(super) fn new(
        limits: Limits,
        seals: DeliverySeals,
        clock: Clock,
        meter: Arc<StoreMeter>,
        shard: i32,
    ) -> Self {
        Self {
            limits,
            seals,
            clock,
            meter,
            shard,
            usage: None,
        }
    }

    async fn write(
        &mut self,
        session: &Session,
        batch: &[InsertJob],
    ) -> Result<Vec<InsertResult>, Error> {
        let begun = Instant::now();
        let arrivals: Vec<&Arrival> = batch.iter().map(|job| &job.arrival).collect();
        let usage = self.usage(session).await?;
        let rules = Rules {
            limits: &self.limits,
            seals: &self.seals,
            shard: self.shard,
            now: manual_now(&self.clock),
        };
        let (results, usage) = insert(session, &arrivals, &rules, usage).await?;
        // While the store is full, the totals are read each time.
        let is_full = |result: &InsertResult| matches!(result, Err(StoreError::Full(_)));
        let is_current = !results.iter().any(is_full);
        self.usage = is_current.then(|| (usage, Instant::now()));
        self.meter.committed(batch.len(), begun.elapsed());
        Ok(results)
    }

    async fn usage(&mut self, session: &Session) -> Result<Usage, Error> {
        match self.usage.take() {
            Some((usage, read)) if read.elapsed() < USAGE_MAX_AGE => Ok(usage),
            _ => usage::read(session).await,
        }
    }

    /// Rolls back after an error in the values of a transaction. Returns whether the session goes
    /// on; then nothing was committed.
    async fn rollback(&self, session: &Session, error: &Error) -> Result<bool, Error> {
        if ends_session(error) || session.client.is_closed() {
            return Ok(false);
        }
        // The caller notices a connection that ends here.
        Ok(session.rollback().await.is_ok())
    }

    /// Writes each arrival in a transaction of its own, so that a fault in one does not affect the
    /// others.
    async fn write_one_by_one(
        &mut self,
        session: &Session,
        batch: Vec<InsertJob>,
    ) -> Result<(), Error> {
        for job in batch {
            let job = vec![job];
            match self.write(session, &job).await {
                Ok(results) => reply(job, results),
                Err(error) => {
                    let survives = self.rollback(session, &error).await?;
                    reply_error(job, &error);
                    if !survives {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }
}

fn gather(first: InsertJob, jobs: &mut JobReceiver<InsertJob>) -> Vec<InsertJob> {
    let mut bytes = first.arrival.event.body.len();
    let mut batch = vec![first];
    while batch.len() < MAX_JOBS
        && bytes < MAX_BYTES
        && let Some(job) = jobs.ready()
    {
        bytes += job.arrival.event.body.len();
        batch.push(job);
    }
    batch
}

fn reply(batch: Vec<InsertJob>, results: Vec<InsertResult>) {
    for (job, result) in batch.into_iter().zip(results) {
        drop(job.memory);
        // The client may be gone; the event is stored all the same.
        let _ = job.reply.send(result);
    }
}

fn reply_error(batch: Vec<InsertJob>, error: &Error) {
    let results = batch.iter().map(|_| Err(store_error(error))).collect();
    reply(batch, results);
}
