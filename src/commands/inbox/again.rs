//! `cartgate inbox replay` and `retry`: page by page, no faster than is asked.

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Duration, Instant, sleep_until};

use super::{access::Access, access::otherwise, nothing_is_selected, select};
use crate::{
    cli::{AgainArgs, RetryArgs},
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

/// Deliveries of one page: each is a transaction of the gate's, which has events to keep meanwhile.
const PAGE: usize = 500;

pub(super) async fn replay(args: AgainArgs) -> Result<Outcome, Failure> {
    let job = Job::new(args, &[DeliveryState::Delivered, DeliveryState::Dead], None);
    if select::is_everything(&job.selection) {
        return Err(Failure::usage(
            "say what to replay: ids, or a filter such as --since 2h",
        ));
    }
    job.done().await
}

pub(super) async fn retry(args: RetryArgs) -> Result<Outcome, Failure> {
    let selection = &args.again.selection;
    if selection.state.contains(&DeliveryState::Delivered) {
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
        // Deliveries wait for ever for a destination that is gone.
        &[DeliveryState::Pending, DeliveryState::Dead]
    } else {
        &[DeliveryState::Dead]
    };
    Job::new(args.again, states, args.to).done().await
}

struct Job {
    at: crate::cli::InboxAt,
    selection: Selection,
    /// In place of no state at all.
    states: Vec<DeliveryState>,
    to: Option<String>,
    rate: Option<f64>,
}

impl Job {
    fn new(args: AgainArgs, states: &[DeliveryState], to: Option<String>) -> Self {
        Self {
            at: args.at,
            selection: select::selection(args.selection),
            states: states.to_vec(),
            to,
            rate: args.rate,
        }
    }

    async fn done(self) -> Result<Outcome, Failure> {
        let access = Access::open(self.at).await?;
        let mut selection = self.selection;
        if selection.states.is_empty() {
            selection.states = self.states;
        }
        let bar = progress(&access, &selection).await?;
        let mut page = Page {
            selection,
            after: None,
            most: self.rate.map_or(PAGE, page_at),
        };
        let (begun, mut sum) = (Instant::now(), Requeued::default());
        loop {
            let (next, to) = (page.clone(), self.to.clone());
            let CommandResponse::Requeued(again) =
                access.ask(Command::Requeue { page: next, to }).await?
            else {
                return Err(otherwise());
            };
            sum.done += again.done;
            sum.quarantined += again.quarantined;
            sum.unserved += again.unserved;
            bar.set_position(sum.done + sum.quarantined + sum.unserved);
            page.after = again.next;
            if page.after.is_none() {
                break;
            }
            if let Some(rate) = self.rate {
                sleep_until(begun + Duration::from_secs_f64(sum.done as f64 / rate)).await;
            }
        }
        bar.finish_and_clear();
        Ok(told(&sum))
    }
}

/// A page of about a second, so that the rate is even.
fn page_at(rate: f64) -> usize {
    (rate.min(PAGE as f64) as usize).max(1)
}

fn told(sum: &Requeued) -> Outcome {
    if sum.quarantined > 0 {
        let number = sum.quarantined;
        message(format_args!(
            "cartgate: {number} stay in quarantine, since their seals do not hold"
        ));
    }
    if sum.unserved > 0 {
        let number = sum.unserved;
        message(format_args!(
            "cartgate: {number} are for no destination that is configured; give them one by retry --to NAME"
        ));
    }
    if sum.done > 0 {
        message(format_args!("cartgate: {} are due now", sum.done));
        return Outcome::Done;
    }
    if sum.quarantined + sum.unserved > 0 {
        return Outcome::No;
    }
    nothing_is_selected()
}

/// Drawn on stderr, and only where that is a terminal; only then is it worth a look how many there are.
async fn progress(access: &Access, selection: &Selection) -> Result<ProgressBar, Failure> {
    let bar = ProgressBar::new(0);
    if bar.is_hidden() {
        return Ok(bar);
    }
    let mut page = Page {
        selection: selection.clone(),
        after: None,
        most: Page::MOST,
    };
    loop {
        let CommandResponse::Listed(listed) = access.ask(Command::List(page.clone())).await? else {
            return Err(otherwise());
        };
        bar.inc_length(listed.len() as u64);
        match listed.last() {
            Some(last) if listed.len() == page.most => page.after = Some(last.into()),
            _ => break,
        }
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    Ok(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_no_larger_than_a_second_of_the_rate() {
        for (rate, page) in [(0.2, 1), (1.0, 1), (50.0, 50), (1e9, PAGE)] {
            assert_eq!(page_at(rate), page, "{rate}");
        }
    }
}
