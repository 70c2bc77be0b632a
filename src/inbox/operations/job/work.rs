//! The work of a job, page by page.

use std::sync::Arc;

use tokio::{
    sync::watch,
    time::{Duration, Instant, sleep_until},
};
use uuid::Uuid;

use super::{
    super::{error::OperationError, operator::Operations, page_range::PageRange},
    action::Action,
    error::JobsError,
    request::JobRequest,
    status::{JobState, JobStatus, JobTally},
};
use crate::{
    inbox::store::{Cursor, Selection},
    runtime::clock::Millis,
};

/// Deliveries per page. The gate stores events between two pages.
const PAGE: usize = if cfg!(test) { 2 } else { 500 };

/// The longest pause of a job with a rate.
const MAX_PAUSE: Duration = Duration::from_secs(60 * 60 * 24);

/// The checked work of a job.
#[derive(Debug)]
pub(super) struct Work {
    action: Action,
    selection: Selection,
    to: Option<Arc<str>>,
    rate: Option<f64>,
}

/// The result of one page.
struct PageResult {
    tally: JobTally,
    /// The end of the page, if another page follows.
    next: Option<PageEnd>,
}

/// The position after which the next page begins. A purge begins at the front each time.
type PageEnd = Option<Cursor>;

impl Work {
    /// Checks a request.
    ///
    /// # Errors
    ///
    /// When the request breaks a rule, or names a destination that is not configured.
    pub(super) fn new(
        request: &JobRequest,
        operations: &Operations,
        now: Millis,
    ) -> Result<Self, JobsError> {
        request.check()?;
        let to = request.to.as_deref();
        let to = to.map(|to| operations.destination(to)).transpose()?;
        let mut selection = bounded(request.selection(), now);
        let is_explicit = !selection.ids.is_empty() || selection.queue.is_some();
        if request.action == Action::Move && !is_explicit {
            // A move without an explicit selection skips deliveries whose destination is
            // configured.
            selection = operations.unserved(selection);
        }
        Ok(Self {
            action: request.action,
            selection,
            to,
            rate: request.rate,
        })
    }

    /// Counts the selected deliveries.
    pub(super) async fn count(&self, operations: &Operations) -> Result<u64, OperationError> {
        operations.count(self.selection.clone()).await
    }

    /// Works until every selected delivery was worked on, or the job is cancelled.
    pub(super) async fn run(
        &self,
        operations: &Operations,
        status: &watch::Sender<JobStatus>,
    ) -> Result<JobState, OperationError> {
        let (begun, mut after) = (Instant::now(), None);
        loop {
            let step = self.step(operations, after).await?;
            status.send_modify(|status| status.tally.add(step.tally));
            let Some(end) = step.next else {
                return Ok(JobState::Done);
            };
            after = end;
            let done = status.borrow().tally.done;
            if self.is_cancelled(begun, done, status).await {
                return Ok(JobState::Cancelled);
            }
        }
    }

    /// Waits until the rate allows another page. Returns whether the job is cancelled meanwhile.
    async fn is_cancelled(
        &self,
        begun: Instant,
        done: u64,
        status: &watch::Sender<JobStatus>,
    ) -> bool {
        let until = begun + self.rate.map_or(Duration::ZERO, |rate| pause(done, rate));
        let mut status = status.subscribe();
        tokio::select! {
            biased;
            _ = status.wait_for(|status| status.cancels) => true,
            () = sleep_until(until) => false,
        }
    }

    async fn step(
        &self,
        operations: &Operations,
        after: Option<Cursor>,
    ) -> Result<PageResult, OperationError> {
        let most = self.rate.map_or(PAGE, page_size);
        let selection = self.selection.clone();
        if self.action == Action::Purge {
            let done = operations.purge(selection, most).await?;
            let tally = JobTally {
                done,
                ..JobTally::default()
            };
            let next = (done > 0).then_some(None);
            return Ok(PageResult { tally, next });
        }
        let page = PageRange {
            selection,
            after,
            most,
            ..PageRange::default()
        };
        let requeued = operations.requeue(page, self.to.as_ref()).await?;
        let tally = JobTally {
            done: requeued.done,
            quarantined: requeued.quarantined,
            unserved: requeued.unserved,
        };
        let next = requeued.next.map(Some);
        Ok(PageResult { tally, next })
    }
}

/// Limits a selection to events that have arrived by now, as they are counted. Later arrivals could
/// otherwise be removed unseen, or keep the job at work for ever.
fn bounded(selection: Selection, now: Millis) -> Selection {
    if !selection.ids.is_empty() {
        return selection;
    }
    let later = u128::try_from(now.saturating_add(1)).unwrap_or_default();
    Selection {
        // An id begins with its time.
        before: Some(Uuid::from_u128(later << 80)),
        ..selection
    }
}

/// Returns the time that so many deliveries take at a rate.
fn pause(done: u64, rate: f64) -> Duration {
    // The time of a tiny rate fits no duration.
    let pause = Duration::try_from_secs_f64(done as f64 / rate);
    pause.unwrap_or(MAX_PAUSE).min(MAX_PAUSE)
}

/// Returns the size of a page: the deliveries of about a second, so that the rate is even.
fn page_size(rate: f64) -> usize {
    (rate.min(PAGE as f64) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_no_larger_than_a_second_of_the_rate() {
        for (rate, size) in [(0.2, 1), (1.0, 1), (1.9, 1), (1e9, PAGE)] {
            assert_eq!(page_size(rate), size, "{rate}");
        }
    }

    #[test]
    fn only_events_that_have_arrived_are_selected() {
        let now = 1_800_000_000_000;
        let id = |millis: u64| {
            let (seconds, nanos) = (millis / 1000, (millis % 1000) as u32 * 1_000_000);
            Uuid::new_v7(uuid::Timestamp::from_unix_time(seconds, nanos, 0, 0))
        };
        let before = bounded(Selection::default(), now).before.expect("a bound");
        assert!(id(1_800_000_000_000) < before && before < id(1_800_000_000_001));
        let by_id = Selection {
            ids: vec![id(9_000_000_000_000)],
            ..Selection::default()
        };
        assert_eq!(bounded(by_id, now).before, None);
        let until = Selection {
            until: Some(now + 9),
            ..Selection::default()
        };
        assert_eq!(
            bounded(until, now).before,
            Some(before),
            "a bound in the future is not the only one"
        );
    }

    #[test]
    fn a_tiny_rate_is_slow_and_not_unlimited() {
        assert_eq!(pause(0, 1e-300), Duration::ZERO);
        assert_eq!(pause(5, 2.0), Duration::from_millis(2_500));
        for rate in [1e-3, 1e-20, 1e-300, f64::MIN_POSITIVE] {
            assert_eq!(pause(1_000, rate), MAX_PAUSE.min(pause(1_000, rate)));
            assert!(pause(1_000, rate) >= Duration::from_secs(60 * 60), "{rate}");
        }
    }
}
