//! `cartgate inbox replay` and `retry`: makes deliveries due again, page by page, no faster than
//! `--rate`.

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Duration, Instant, sleep_until};

use super::{
    access::{Access, unexpected},
    select::{is_everything, nothing_selected, selection},
};
use crate::{
    cli::{AgainArgs, InboxAt, RetryArgs},
    commands::{
        outcome::{Failure, Outcome},
        output::message,
    },
    delivery::event::DeliveryState,
    inbox::{
        control::{Command, CommandResponse, Page, Requeued},
        store::Selection,
    },
};

/// Deliveries per page. Each page is one transaction of the gate, which stores events meanwhile.
const PAGE: usize = 500;

pub(super) async fn replay(args: AgainArgs) -> Result<Outcome, Failure> {
    let selection = selection(args.selection);
    if is_everything(&selection) {
        return Err(Failure::usage(
            "select what to replay: ids, or a filter such as --since 2h",
        ));
    }
    let states = [DeliveryState::Delivered, DeliveryState::Dead];
    let job = Job {
        at: args.at,
        selection: with_default_states(selection, &states),
        to: None,
        rate: args.rate,
    };
    job.run().await
}

pub(super) async fn retry(args: RetryArgs) -> Result<Outcome, Failure> {
    let selection = selection(args.again.selection);
    if selection.states.contains(&DeliveryState::Delivered) {
        return Err(Failure::usage(
            "delivered events are not retried; deliver them again with inbox replay",
        ));
    }
    let states: &[DeliveryState] = if !selection.ids.is_empty() {
        &[
            DeliveryState::Pending,
            DeliveryState::Dead,
            DeliveryState::Quarantined,
        ]
    } else if args.to.is_some() {
        // Deliveries for a removed destination stay pending.
        &[DeliveryState::Pending, DeliveryState::Dead]
    } else {
        &[DeliveryState::Dead]
    };
    let job = Job {
        at: args.again.at,
        selection: with_default_states(selection, states),
        to: args.to,
        rate: args.again.rate,
    };
    job.run().await
}

/// Returns the selection with these states, unless it has states.
fn with_default_states(selection: Selection, states: &[DeliveryState]) -> Selection {
    if !selection.states.is_empty() {
        return selection;
    }
    Selection {
        states: states.to_vec(),
        ..selection
    }
}

/// The deliveries to requeue.
struct Job {
    at: InboxAt,
    selection: Selection,
    to: Option<String>,
    rate: Option<f64>,
}

impl Job {
    async fn run(self) -> Result<Outcome, Failure> {
        let access = Access::open(self.at).await?;
        let bar = progress(&access, &self.selection).await?;
        let mut page = Page {
            selection: self.selection,
            after: None,
            most: self.rate.map_or(PAGE, page_size),
        };
        let (begun, mut sum) = (Instant::now(), Requeued::default());
        loop {
            let (next, to) = (page.clone(), self.to.clone());
            let CommandResponse::Requeued(requeued) =
                access.send(Command::Requeue { page: next, to }).await?
            else {
                return Err(unexpected());
            };
            sum.done += requeued.done;
            sum.quarantined += requeued.quarantined;
            sum.unserved += requeued.unserved;
            bar.set_position(sum.done + sum.quarantined + sum.unserved);
            page.after = requeued.next;
            if page.after.is_none() {
                break;
            }
            if let Some(rate) = self.rate {
                sleep_until(begun + Duration::from_secs_f64(sum.done as f64 / rate)).await;
            }
        }
        bar.finish_and_clear();
        Ok(report(&sum))
    }
}

/// Returns the size of a page: the deliveries of about a second, so that the rate is even.
fn page_size(rate: f64) -> usize {
    (rate.min(PAGE as f64) as usize).max(1)
}

/// Prints the numbers; returns the outcome.
fn report(sum: &Requeued) -> Outcome {
    if sum.quarantined > 0 {
        let number = sum.quarantined;
        message(format_args!(
            "cartgate: {number} stay in quarantine, because their seals are broken"
        ));
    }
    if sum.unserved > 0 {
        let number = sum.unserved;
        message(format_args!(
            "cartgate: {number} have no configured destination; move them with retry --to NAME"
        ));
    }
    if sum.done > 0 {
        message(format_args!("cartgate: {} are due now", sum.done));
        return Outcome::Done;
    }
    if sum.quarantined + sum.unserved > 0 {
        return Outcome::No;
    }
    nothing_selected()
}

/// Returns a progress bar on stderr. Counts the deliveries only if stderr is a terminal, where the
/// bar is drawn.
async fn progress(access: &Access, selection: &Selection) -> Result<ProgressBar, Failure> {
    let bar = ProgressBar::new(0);
    if bar.is_hidden() {
        return Ok(bar);
    }
    let count = |page: &[_]| {
        bar.inc_length(page.len() as u64);
        Ok(())
    };
    access.list(selection.clone(), count).await?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    Ok(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_no_larger_than_a_second_of_the_rate() {
        for (rate, size) in [(0.2, 1), (1.0, 1), (50.0, 50), (1e9, PAGE)] {
            assert_eq!(page_size(rate), size, "{rate}");
        }
    }
}
