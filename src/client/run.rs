//! Sends many deliveries, with limits for their number, concurrency and rate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use super::{
    connection::Client, outgoing::Outgoing, report::RunReport, response::ResponseSummary,
    send_error::SendError,
};

/// The number and the pace of deliveries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunPlan {
    /// The number of deliveries.
    pub count: u64,
    /// The number of concurrent deliveries.
    pub concurrency: u16,
    /// The maximum number of deliveries per second.
    pub rate: Option<f64>,
}

type Outcome = Result<ResponseSummary, SendError>;

/// Sends deliveries by a plan. It calls `make` with a number to create a delivery, and `each` after
/// each outcome. If the first delivery opens no connection, it sends no more.
pub async fn run(
    client: Arc<Client>,
    plan: RunPlan,
    make: impl Fn(u64) -> Outgoing + Clone + Send + 'static,
    mut each: impl FnMut(),
) -> RunReport {
    let begun = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let (outcomes, mut collected) = mpsc::channel(usize::from(plan.concurrency));
    let mut workers = JoinSet::new();
    for _ in 0..u64::from(plan.concurrency).min(plan.count) {
        let queue = Queue {
            next: Arc::clone(&next),
            begun,
            plan,
        };
        workers.spawn(work(
            Arc::clone(&client),
            queue,
            make.clone(),
            outcomes.clone(),
        ));
    }
    drop(outcomes);

    let mut report = RunReport::new();
    while let Some(outcome) = collected.recv().await {
        if report.is_empty() && matches!(outcome, Err(SendError::Connect(_))) {
            next.store(plan.count, Ordering::Relaxed);
        }
        report.count(&outcome);
        each();
    }
    report.finished(begun.elapsed())
}

async fn work(
    client: Arc<Client>,
    queue: Queue,
    make: impl Fn(u64) -> Outgoing,
    outcomes: mpsc::Sender<Outcome>,
) {
    let mut connection = client.connection();
    while let Some(number) = queue.take().await {
        let outcome = connection.deliver(make(number)).await;
        if outcomes.send(outcome).await.is_err() {
            return;
        }
    }
}

/// Hands out each delivery's number once, when it is due.
struct Queue {
    next: Arc<AtomicU64>,
    begun: Instant,
    plan: RunPlan,
}

impl Queue {
    async fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.plan.count {
            return None;
        }
        if let Some(due) = self.due(number) {
            tokio::time::sleep_until(due).await;
        }
        Some(number)
    }

    /// Returns when a delivery is due. It is computed from the start of the run, so that late
    /// deliveries catch up and the average rate holds.
    fn due(&self, number: u64) -> Option<Instant> {
        let seconds = number as f64 / self.plan.rate?;
        let wait = Duration::try_from_secs_f64(seconds).ok()?;
        self.begun.checked_add(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(count: u64, rate: Option<f64>) -> Queue {
        let plan = RunPlan {
            count,
            concurrency: 1,
            rate,
        };
        Queue {
            next: Arc::new(AtomicU64::new(0)),
            begun: Instant::now(),
            plan,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_number_is_given_once_and_then_no_more() {
        let queue = queue(3, None);
        let begun = Instant::now();
        let mut given = Vec::new();
        while let Some(number) = queue.take().await {
            given.push(number);
        }
        assert_eq!(given, [0, 1, 2]);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(queue.take().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_spreads_them_over_time() {
        let queue = queue(11, Some(5.0));
        let begun = Instant::now();
        while queue.take().await.is_some() {}
        let took = begun.elapsed().as_millis();
        assert!(
            (2000..=2020).contains(&took),
            "{took} ms for ten waits of 200 ms"
        );
    }
}
