//! The loop of a connection: it does one job after the other, and reconnects when the connection
//! breaks. Meanwhile it rejects jobs at once, so that none pile up.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    error::describe, job_queue::JobReceiver, open_error::OpenErrorKind, outage::Outage, schema,
    session::Session, target::SharedTarget,
};

/// The first and the longest wait between attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How much longer than the server's own timeout a response may take before the connection is given
/// up.
const GRACE: Duration = Duration::from_secs(1);

/// Does the jobs of a connection. A job that it drops without a result fails as [`Outage`] states.
pub(super) trait Worker {
    type Job;

    /// Does a job, together with other waiting ones if they can share a transaction.
    ///
    /// # Errors
    ///
    /// An error after which the connection must not be used any more.
    async fn run(
        &mut self,
        session: &Session,
        job: Self::Job,
        jobs: &mut JobReceiver<Self::Job>,
    ) -> Result<(), tokio_postgres::Error>;
}

/// The wait before the next attempt to connect.
///
/// Only a completed job resets it: a session that opens and then fails would otherwise be opened in
/// a loop.
#[derive(Default)]
struct Backoff(Duration);

impl Backoff {
    /// Returns the wait that is due now, and lengthens the next one.
    fn next(&mut self) -> Duration {
        let (first, longest) = BACKOFF;
        let wait = self.0;
        self.0 = longest.min(first.max(wait * 2));
        wait
    }
}

/// The settings of a connection that a worker uses.
pub(super) struct WorkerLoop {
    pub(super) target: Arc<SharedTarget>,
    pub(super) statement_timeout: Duration,
    pub(super) outage: Outage,
}

impl WorkerLoop {
    /// Runs until no job can come any more and all are done.
    pub(super) async fn run<W: Worker>(
        self,
        mut worker: W,
        mut session: Session,
        mut jobs: JobReceiver<W::Job>,
    ) {
        let mut backoff = Backoff::default();
        while let Err(reason) = self
            .serve(&mut worker, &mut session, &mut jobs, &mut backoff)
            .await
        {
            self.outage.begin(reason);
            let Some(new) = self.reconnect(&mut jobs, &mut backoff).await else {
                return;
            };
            session = new;
        }
    }

    /// Does jobs until none can come any more.
    ///
    /// # Errors
    ///
    /// Why the session cannot be used any more.
    async fn serve<W: Worker>(
        &self,
        worker: &mut W,
        session: &mut Session,
        jobs: &mut JobReceiver<W::Job>,
        backoff: &mut Backoff,
    ) -> Result<(), String> {
        loop {
            let job = tokio::select! {
                biased;
                () = session.closed() => return Err("the connection was lost".to_owned()),
                job = jobs.next() => job,
            };
            let Some(job) = job else { return Ok(()) };
            let run = worker.run(session, job, jobs);
            match timeout(self.statement_timeout + GRACE, run).await {
                Ok(Ok(())) => *backoff = Backoff::default(),
                Ok(Err(error)) => return Err(describe(&error)),
                Err(_elapsed) => return Err("the server does not respond".to_owned()),
            }
        }
    }

    /// Opens a new session. Returns `None` if no job can come any more.
    async fn reconnect<J>(
        &self,
        jobs: &mut JobReceiver<J>,
        backoff: &mut Backoff,
    ) -> Option<Session> {
        loop {
            let wait = backoff.next();
            let attempt = async {
                sleep(wait).await;
                self.open().await
            };
            match rejecting_jobs(jobs, attempt).await? {
                Ok(session) => {
                    self.outage.end();
                    return Some(session);
                }
                Err(error) => self.outage.begin(error.to_string()),
            }
        }
    }

    /// Opens a session, and checks that the tables have not changed.
    async fn open(&self) -> Result<Session, OpenErrorKind> {
        let session = Session::open(&self.target.load(), self.statement_timeout).await?;
        schema::verify(&session).await?;
        Ok(session)
    }
}

/// Drops each job that comes before `other` is ready, which fails it. Returns `None` if no job can
/// come any more.
async fn rejecting_jobs<J, T>(
    jobs: &mut JobReceiver<J>,
    other: impl Future<Output = T>,
) -> Option<T> {
    let mut other = std::pin::pin!(other);
    loop {
        tokio::select! {
            biased;
            done = &mut other => return Some(done),
            job = jobs.next() => drop(job?),
        }
    }
}
