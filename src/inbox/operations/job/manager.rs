//! The jobs of an inbox.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    super::operator::Operations, details::JobDetails, error::JobsError, kept::KeptJob,
    request::JobRequest, status::JobState, work::Work,
};
use crate::runtime::clock::Clock;

/// The number of jobs that are kept.
const KEPT: usize = 16;

/// The last jobs of an inbox. One of them at most runs, so that jobs together leave the store time
/// for arrivals. They end when this is dropped.
pub(crate) struct Jobs {
    operations: Operations,
    clock: Clock,
    shelf: Mutex<Shelf>,
}

/// The kept jobs, oldest first, and the task of the running one.
#[derive(Default)]
struct Shelf {
    jobs: VecDeque<Arc<KeptJob>>,
    tasks: JoinSet<()>,
}

impl Jobs {
    pub(crate) fn new(operations: Operations) -> Self {
        Self::with_clock(operations, Clock::System)
    }

    pub(crate) fn with_clock(operations: Operations, clock: Clock) -> Self {
        Self {
            operations,
            clock,
            shelf: Mutex::default(),
        }
    }

    /// Returns the operations on the inbox.
    pub(crate) fn operations(&self) -> &Operations {
        &self.operations
    }

    /// Checks a request, counts the selected deliveries, and keeps the job. Forgets the oldest job
    /// that does not run if there are too many.
    ///
    /// # Errors
    ///
    /// When the request breaks a rule, or the store cannot count.
    pub(crate) async fn create(&self, request: JobRequest) -> Result<JobDetails, JobsError> {
        let now = self.clock.now();
        let work = Work::new(&request, &self.operations, now)?;
        let count = work.count(&self.operations).await?;
        let job = Arc::new(KeptJob::new(request, work, count, now));
        let details = job.details();
        self.shelf().keep(job);
        Ok(details)
    }

    /// Returns all kept jobs, newest first.
    pub(crate) fn list(&self) -> Vec<JobDetails> {
        let shelf = self.shelf();
        shelf.jobs.iter().rev().map(|job| job.details()).collect()
    }

    /// Returns a job.
    ///
    /// # Errors
    ///
    /// When it is not kept.
    pub(crate) fn show(&self, id: Uuid) -> Result<JobDetails, JobsError> {
        Ok(self.shelf().find(id)?.details())
    }

    /// Starts a counted job. Must be called on a runtime.
    ///
    /// # Errors
    ///
    /// When it is not kept, was started before, or another one runs.
    pub(crate) fn start(&self, id: Uuid) -> Result<JobDetails, JobsError> {
        let mut shelf = self.shelf();
        let job = shelf.find(id)?;
        let is_other = |other: &&Arc<KeptJob>| other.id != id;
        let mut others = shelf.jobs.iter().filter(is_other);
        if job.state() == JobState::Counted
            && let Some(other) = others.find(|other| other.state() == JobState::Running)
        {
            return Err(JobsError::AnotherRuns(other.id));
        }
        job.begin(self.clock.now())?;
        while shelf.tasks.try_join_next().is_some() {}
        let task = run(
            Arc::clone(&job),
            self.operations.clone(),
            self.clock.clone(),
        );
        shelf.tasks.spawn(task);
        Ok(job.details())
    }

    /// Cancels a job, and waits for the end of the page at which it works. Deliveries that it has
    /// worked on stay as they are.
    ///
    /// # Errors
    ///
    /// When it is not kept.
    pub(crate) async fn cancel(&self, id: Uuid) -> Result<JobDetails, JobsError> {
        let job = self.shelf().find(id)?;
        job.cancel(self.clock.now()).await;
        Ok(job.details())
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn find(&self, id: Uuid) -> Result<Arc<KeptJob>, JobsError> {
        let found = self.jobs.iter().find(|job| job.id == id);
        found.cloned().ok_or(JobsError::Unknown(id))
    }

    fn keep(&mut self, job: Arc<KeptJob>) {
        while self.jobs.len() >= KEPT
            && let Some(oldest) = self.oldest_idle()
        {
            self.jobs.remove(oldest);
        }
        self.jobs.push_back(job);
    }

    /// Returns the position of the oldest ended job, or else of the oldest that has not begun.
    fn oldest_idle(&self) -> Option<usize> {
        let oldest = |is: fn(JobState) -> bool| self.jobs.iter().position(|job| is(job.state()));
        oldest(JobState::is_end).or_else(|| oldest(|state| state == JobState::Counted))
    }
}

/// Runs a job to its end.
async fn run(job: Arc<KeptJob>, operations: Operations, clock: Clock) {
    let running = RunningJob {
        job: &job,
        clock: &clock,
    };
    let (state, error) = match job.work.run(&operations, &job.status).await {
        Ok(state) => (state, None),
        Err(error) => (JobState::Failed, Some(error.to_string())),
    };
    running.end(state, error);
    let details = job.details();
    tracing::info!(
        target: "cartgate::admin",
        job = %details.id,
        action = details.action.as_str(),
        state = details.state.as_str(),
        done = details.done,
        quarantined = details.skipped.quarantined,
        unserved = details.skipped.unserved,
        error = details.error.as_deref(),
        "inbox job ended"
    );
}

/// Ends a job that breaks off, so that it does not keep others from running.
struct RunningJob<'j> {
    job: &'j KeptJob,
    clock: &'j Clock,
}

impl RunningJob<'_> {
    fn end(&self, state: JobState, error: Option<String>) {
        let now = self.clock.now();
        let status = &self.job.status;
        status.send_modify(|status| status.end(state, error, now));
    }
}

impl Drop for RunningJob<'_> {
    fn drop(&mut self) {
        self.end(JobState::Failed, Some("the job broke off".to_owned()));
    }
}
