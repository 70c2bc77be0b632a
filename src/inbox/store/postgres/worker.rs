//! A connection that stays: it does one piece of work after the other, and is opened again when it breaks. Meanwhile work
//! is turned away at once, so that nothing piles up.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::mpsc::Receiver,
    time::{sleep, timeout},
};

use super::{fault, open_error::Why, schema, session::Session, target::Current};
use crate::inbox::store::StoreError;

/// Waits between attempts to connect, from the first to the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How much longer than the server's own limit an answer may take before the connection is given up.
const GRACE: Duration = Duration::from_secs(1);

/// Work as it comes.
pub(super) struct Work<J> {
    jobs: Receiver<J>,
    put_back: Option<J>,
}

/// Does the work. What it drops unanswered is answered as [`Trouble`] says.
pub(super) trait Worker {
    type Job;

    /// Does a job, and others that have come meanwhile if they go well together. The error is one after which the
    /// connection is not to be used any more.
    async fn work(
        &mut self,
        session: &Session,
        job: Self::Job,
        more: &mut Work<Self::Job>,
    ) -> Result<(), tokio_postgres::Error>;
}

/// Why there is no connection, while there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<String>>>);

/// The wait before the next attempt to connect. A session that did no work does not end it: one that opens and then fails
/// would be opened in a loop.
#[derive(Default)]
struct Backoff(Duration);

impl Backoff {
    /// The wait that is due now; the next one is longer.
    fn next(&mut self) -> Duration {
        let (first, longest) = BACKOFF;
        let wait = self.0;
        self.0 = longest.min(first.max(wait * 2));
        wait
    }
}

pub(super) struct Lane {
    pub(super) target: Arc<Current>,
    /// The longest that a statement may take.
    pub(super) patience: Duration,
    pub(super) trouble: Trouble,
}

impl<J> Work<J> {
    pub(super) fn new(jobs: Receiver<J>) -> Self {
        Self {
            jobs,
            put_back: None,
        }
    }

    /// The next, if it is there already.
    pub(super) fn ready(&mut self) -> Option<J> {
        self.put_back.take().or_else(|| self.jobs.try_recv().ok())
    }

    /// It is to be the next again.
    pub(super) fn put_back(&mut self, job: J) {
        self.put_back = Some(job);
    }

    async fn next(&mut self) -> Option<J> {
        match self.put_back.take() {
            Some(job) => Some(job),
            None => self.jobs.recv().await,
        }
    }
}

impl Trouble {
    /// In the words of a store.
    pub(super) fn error(&self) -> Option<StoreError> {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.clone().map(StoreError::Unavailable)
    }

    fn set(&self, words: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

impl Lane {
    /// Works until nobody can send more and all is done.
    pub(super) async fn run<W: Worker>(
        self,
        mut worker: W,
        mut session: Session,
        jobs: Receiver<W::Job>,
    ) {
        let (mut work, mut backoff) = (Work::new(jobs), Backoff::default());
        while !self
            .serve(&mut worker, &mut session, &mut work, &mut backoff)
            .await
        {
            let Some(new) = self.reconnect(&mut work, &mut backoff).await else {
                return;
            };
            session = new;
        }
    }

    /// Works until the connection breaks; true if it is no longer needed.
    async fn serve<W: Worker>(
        &self,
        worker: &mut W,
        session: &mut Session,
        work: &mut Work<W::Job>,
        backoff: &mut Backoff,
    ) -> bool {
        loop {
            let job = tokio::select! {
                biased;
                () = session.closed() => {
                    self.trouble.set(Some("the connection was lost".to_owned()));
                    return false;
                }
                job = work.next() => job,
            };
            let Some(job) = job else { return true };
            let doing = worker.work(session, job, work);
            match timeout(self.patience + GRACE, doing).await {
                Ok(Ok(())) => *backoff = Backoff::default(),
                Ok(Err(error)) => {
                    self.trouble.set(Some(fault::words(&error)));
                    return false;
                }
                Err(_late) => {
                    self.trouble
                        .set(Some("the server does not answer".to_owned()));
                    return false;
                }
            }
        }
    }

    /// None if nobody waits for it any more.
    async fn reconnect<J>(&self, work: &mut Work<J>, backoff: &mut Backoff) -> Option<Session> {
        loop {
            let wait = backoff.next();
            let trying = async {
                sleep(wait).await;
                self.open().await
            };
            match turning_away(work, trying).await? {
                Ok(session) => {
                    self.trouble.set(None);
                    return Some(session);
                }
                Err(why) => self.trouble.set(Some(why.to_string())),
            }
        }
    }

    /// A session that finds what the first one has found.
    async fn open(&self) -> Result<Session, Why> {
        let session = Session::open(&self.target.load(), self.patience).await?;
        schema::verify(&session).await?;
        Ok(session)
    }
}

/// What comes while `other` is under way is dropped, which answers it.
async fn turning_away<J, T>(work: &mut Work<J>, other: impl Future<Output = T>) -> Option<T> {
    let mut other = std::pin::pin!(other);
    loop {
        tokio::select! {
            biased;
            done = &mut other => return Some(done),
            job = work.next() => drop(job?),
        }
    }
}
