//! The lane that keeps: what is queued is written in one transaction, and answered after its commit.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use tokio_postgres::Error;

use super::{
    fault::{ends_session, fault},
    session::Session,
    time::said,
};
use crate::{
    delivery::{event::Arrival, seal::DeliverySeals},
    inbox::{
        settings::Limits,
        store::{
            StoreError, StoreMeter,
            postgres::{
                counters::Usage,
                insert::{Rules, Verdict, insert},
                worker::{Work, Worker},
            },
        },
    },
    runtime::clock::Clock,
};

/// The most that share a transaction, in arrivals and in bytes.
const MOST: (usize, usize) = (256, 4 << 20);

/// How long the totals are believed that the last transaction saw; other gates write, too.
const FRESH: Duration = Duration::from_secs(1);

pub(super) struct Keep {
    pub(super) arrival: Arrival,
    pub(super) held: Box<dyn Send>,
    pub(super) answer: oneshot::Sender<Verdict>,
}

pub(super) struct Keeper {
    pub(super) limits: Limits,
    pub(super) seals: DeliverySeals,
    pub(super) clock: Clock,
    pub(super) meter: Arc<StoreMeter>,
    pub(super) shard: i32,
    /// The totals, and when they were seen.
    pub(super) usage: Option<(Usage, Instant)>,
}

impl Worker for Keeper {
    type Job = Keep;

    async fn work(
        &mut self,
        session: &Session,
        job: Keep,
        more: &mut Work<Keep>,
    ) -> Result<(), Error> {
        let jobs = gathered(job, more);
        match self.write(session, &jobs).await {
            Ok(verdicts) => {
                answer(jobs, verdicts);
                Ok(())
            }
            Err(error) => {
                let survived = self.is_survived(session, &error).await?;
                if survived && jobs.len() > 1 {
                    return self.one_by_one(session, jobs).await;
                }
                let refused = |_: &Keep| Err(fault(&error));
                let verdicts = jobs.iter().map(refused).collect();
                answer(jobs, verdicts);
                if survived { Ok(()) } else { Err(error) }
            }
        }
    }
}

impl Keeper {
    async fn write(&mut self, session: &Session, jobs: &[Keep]) -> Result<Vec<Verdict>, Error> {
        let begun = Instant::now();
        let arrivals: Vec<&Arrival> = jobs.iter().map(|job| &job.arrival).collect();
        let usage = self.usage(session).await?;
        let now = said(&self.clock);
        let rules = Rules {
            limits: &self.limits,
            seals: &self.seals,
            shard: self.shard,
            now,
        };
        let (verdicts, usage) = insert(session, &arrivals, &rules, usage).await?;
        // What is full is looked at anew the next time.
        let full = |verdict: &Verdict| matches!(verdict, Err(StoreError::Full(_)));
        let believed = !verdicts.iter().any(full);
        self.usage = believed.then(|| (usage, Instant::now()));
        self.meter.committed(jobs.len(), begun.elapsed());
        Ok(verdicts)
    }

    async fn usage(&mut self, session: &Session) -> Result<Usage, Error> {
        match self.usage.take() {
            Some((usage, seen)) if seen.elapsed() < FRESH => Ok(usage),
            _ => Usage::read(session).await,
        }
    }

    /// Whether it was the server's word about what was written, and it can go on; nothing was committed then.
    async fn is_survived(&self, session: &Session, error: &Error) -> Result<bool, Error> {
        if ends_session(error) || session.client.is_closed() {
            return Ok(false);
        }
        // A connection that ends here is seen by the caller.
        Ok(session.rollback().await.is_ok())
    }

    /// So that what is wrong with one harms no other.
    async fn one_by_one(&mut self, session: &Session, jobs: Vec<Keep>) -> Result<(), Error> {
        for job in jobs {
            let job = vec![job];
            let verdicts = match self.write(session, &job).await {
                Ok(verdicts) => verdicts,
                Err(error) => {
                    let survived = self.is_survived(session, &error).await?;
                    answer(job, vec![Err(fault(&error))]);
                    if !survived {
                        return Err(error);
                    }
                    continue;
                }
            };
            answer(job, verdicts);
        }
        Ok(())
    }
}

fn gathered(job: Keep, more: &mut Work<Keep>) -> Vec<Keep> {
    let mut bytes = job.arrival.event.body.len();
    let mut jobs = vec![job];
    while jobs.len() < MOST.0
        && bytes < MOST.1
        && let Some(job) = more.ready()
    {
        bytes += job.arrival.event.body.len();
        jobs.push(job);
    }
    jobs
}

fn answer(jobs: Vec<Keep>, verdicts: Vec<Verdict>) {
    for (job, verdict) in jobs.into_iter().zip(verdicts) {
        drop(job.held);
        // Its client may be gone; the event is stored all the same.
        let _ = job.answer.send(verdict);
    }
}
