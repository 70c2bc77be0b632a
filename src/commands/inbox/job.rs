//! Runs a job: shows the number of selected deliveries, starts it, and shows its progress. Ctrl-C
//! cancels it.

use std::{future::Future, io, pin::pin, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::{signal::ctrl_c, time::sleep};

use super::{access::Access, gate::Start};
use crate::{
    commands::{outcome::Failure, output::message},
    inbox::operations::{JobDetails, JobRequest, JobState},
};

/// The first pause between two looks at a job. Each further one is longer.
const PAUSE: Duration = Duration::from_millis(10);

/// The longest pause between two looks at a job.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Creates a job and runs it to its end. Returns `None` if no delivery is selected.
pub(super) async fn run(
    access: &Access,
    request: JobRequest,
) -> Result<Option<JobDetails>, Failure> {
    let job = access.create(request).await?;
    if job.count == 0 {
        access.cancel(job.id).await?;
        return Ok(None);
    }
    message(format_args!(
        "cartgate: {} deliveries are selected",
        job.count
    ));
    let bar = progress_bar(job.count);
    let interrupted = pin!(ctrl_c());
    let ended = tokio::select! {
        ended = work(access, &job, &bar) => ended?,
        interrupted = interrupted => cancel(access, &job, interrupted).await?,
    };
    bar.finish_and_clear();
    report_end(ended).map(Some)
}

/// Starts the job, and waits for its end.
async fn work(access: &Access, job: &JobDetails, bar: &ProgressBar) -> Result<JobDetails, Failure> {
    let mut pauses = Pauses(PAUSE);
    let mut is_announced = false;
    while let Start::Wait = access.start(job.id).await? {
        if !is_announced {
            message("cartgate: another job runs; this one starts after it");
            is_announced = true;
        }
        pauses.next().await;
    }
    let mut pauses = Pauses(PAUSE);
    loop {
        let job = access.job(job.id).await?;
        bar.set_position(job.worked_on());
        if job.state.is_end() {
            return Ok(job);
        }
        pauses.next().await;
    }
}

async fn cancel(
    access: &Access,
    job: &JobDetails,
    interrupted: io::Result<()>,
) -> Result<JobDetails, Failure> {
    interrupted.map_err(|error| Failure::no(format_args!("cannot wait for Ctrl-C: {error}")))?;
    access.cancel(job.id).await
}

/// Returns a job that is done, or the failure of one that ended earlier.
fn report_end(job: JobDetails) -> Result<JobDetails, Failure> {
    let (done, count) = (job.done, job.count);
    match job.state {
        JobState::Cancelled => Err(Failure::no(format_args!(
            "cancelled; {done} of {count} deliveries are done"
        ))),
        JobState::Failed => {
            let error = job.error.as_deref().unwrap_or("the job failed");
            Err(Failure::no(format_args!(
                "{error}; {done} of {count} deliveries are done"
            )))
        }
        JobState::Counted | JobState::Running | JobState::Done => Ok(job),
    }
}

/// Returns a progress bar on stderr. It is drawn only if stderr is a terminal.
fn progress_bar(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Pauses that become longer.
struct Pauses(Duration);

impl Pauses {
    fn next(&mut self) -> impl Future<Output = ()> + use<> {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        sleep(pause)
    }
}
