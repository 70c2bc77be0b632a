//! The loop of a connection: it does one job after the other, and reconnects when the connection
//! breaks. Meanwhile it rejects jobs at once, so that none pile up.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    error::describe,
    job_queue::{JobQueue, JobReceiver, job_queue},
    open_error::OpenErrorKind,
    outage::Outage,
    schema,
    session::Session,
    target::SharedTarget,
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

/// A connection, and the jobs for it.
pub(super) struct WorkerLoop<J> {
    target: Arc<SharedTarget>,
    statement_timeout: Duration,
    outage: Outage,
    jobs: JobReceiver<J>,
}

impl<J> WorkerLoop<J> {
    /// Makes a loop, and the queue of its jobs.
    pub(super) fn new(
        target: &Arc<SharedTarget>,
        statement_timeout: Duration,
    ) -> (JobQueue<J>, Self) {
        let (queue, jobs) = job_queue();
        let worker_loop = Self {
            target: Arc::clone(target),
            statement_timeout,
            outage: queue.outage.clone(),
            jobs,
        };
        (queue, worker_loop)
    }

    /// Runs until no job can come any more and all are done.
    pub(super) async fn run(mut self, mut worker: impl Worker<Job = J>, mut session: Session) {
        let mut backoff = Backoff::default();
        while let Err(reason) = self.serve(&mut worker, &mut session, &mut backoff).await {
            self.outage.begin(reason);
            let Some(new) = self.reconnect(&mut backoff).await else {
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
    async fn serve(
        &mut self,
        worker: &mut impl Worker<Job = J>,
        session: &mut Session,
        backoff: &mut Backoff,
    ) -> Result<(), String> {
        loop {
            let job = tokio::select! {
                biased;
                () = session.closed() => return Err("the connection was lost".to_owned()),
                job = self.jobs.next() => job,
            };
            let Some(job) = job else { return Ok(()) };
            let run = worker.run(session, job, &mut self.jobs);
            match timeout(self.statement_timeout + GRACE, run).await {
                Ok(Ok(())) => *backoff = Backoff::default(),
                Ok(Err(error)) => return Err(describe(&error)),
                Err(_elapsed) => return Err("the server does not respond".to_owned()),
            }
        }
    }

    /// Opens a new session. Returns `None` if no job can come any more.
    async fn reconnect(&mut self, backoff: &mut Backoff) -> Option<Session> {
        loop {
            let attempt = open(&self.target, self.statement_timeout, backoff.next());
            match rejecting_jobs(&mut self.jobs, attempt).await? {
                Ok(session) => {
                    self.outage.end();
                    return Some(session);
                }
                Err(error) => self.outage.begin(error.to_string()),
            }
        }
    }
}

/// Opens a session after a wait, and checks that the tables have not changed.
async fn open(
    target: &SharedTarget,
    statement_timeout: Duration,
    wait: Duration,
) -> Result<Session, OpenErrorKind> {
    sleep(wait).await;
    let session = Session::open(&target.load(), statement_timeout).await?;
    schema::verify(&session).await?;
    Ok(session)
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
