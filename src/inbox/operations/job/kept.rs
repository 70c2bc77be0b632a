//! A job that is kept, from its creation on.

use tokio::sync::watch;
use uuid::Uuid;

use super::{
    details::{JobDetails, Skipped},
    error::JobsError,
    request::JobRequest,
    status::{JobState, JobStatus},
    work::Work,
};
use crate::runtime::clock::Millis;

/// A job: its request, the work, and its status.
pub(super) struct KeptJob {
    pub(super) id: Uuid,
    request: JobRequest,
    pub(super) work: Work,
    count: u64,
    created: Millis,
    pub(super) status: watch::Sender<JobStatus>,
}

impl KeptJob {
    pub(super) fn new(request: JobRequest, work: Work, count: u64, created: Millis) -> Self {
        Self {
            id: Uuid::now_v7(),
            request,
            work,
            count,
            created,
            status: watch::Sender::default(),
        }
    }

    pub(super) fn state(&self) -> JobState {
        self.status.borrow().state
    }

    /// Marks a counted job as running.
    ///
    /// # Errors
    ///
    /// When it has been started or cancelled.
    pub(super) fn begin(&self, now: Millis) -> Result<(), JobsError> {
        let begins = |status: &mut JobStatus| {
            let is_counted = status.state == JobState::Counted;
            if is_counted {
                status.state = JobState::Running;
                status.started = Some(now);
            }
            is_counted
        };
        if self.status.send_if_modified(begins) {
            Ok(())
        } else {
            Err(JobsError::Started(self.state()))
        }
    }

    /// Cancels the job, and waits for the end of the page at which it works.
    pub(super) async fn cancel(&self, now: Millis) {
        self.status.send_modify(|status| match status.state {
            JobState::Counted => status.end(JobState::Cancelled, None, now),
            _ => status.cancels = true,
        });
        let mut status = self.status.subscribe();
        // Cannot fail, because this job holds the sender.
        let _ = status.wait_for(|status| status.state.is_end()).await;
    }

    pub(super) fn details(&self) -> JobDetails {
        let status = self.status.borrow();
        JobDetails {
            id: self.id,
            action: self.request.action,
            selection: self.request.selection.clone(),
            to: self.request.to.clone(),
            rate: self.request.rate,
            state: status.state,
            count: self.count,
            done: status.tally.done,
            skipped: Skipped {
                quarantined: status.tally.quarantined,
                unserved: status.tally.unserved,
            },
            error: status.error.clone(),
            created: self.created,
            started: status.started,
            ended: status.ended,
        }
    }
}
