//! A timer for deadlines that nearly always move before they expire. It is armed lazily: moving a
//! deadline to a later time costs nothing, because the timer fires early and is armed again.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    task::coop::has_budget_remaining,
    time::{Instant, Sleep, sleep_until},
};

/// A timer for one deadline at a time.
#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// Whether the timer will wake the owner of [`Self::poll_owned`].
    is_armed: bool,
}

impl Timer {
    /// Creates a timer. Its first deadline must not be later than `deadline`.
    ///
    /// # Panics
    ///
    /// Outside a runtime, as tokio's own timers do.
    pub(crate) fn new(deadline: Instant) -> Self {
        Self {
            sleep: Box::pin(sleep_until(deadline)),
            is_armed: false,
        }
    }

    /// Completes at the deadline.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        loop {
            if self.sleep.is_elapsed() || self.sleep.deadline() > deadline {
                self.sleep.as_mut().reset(deadline);
            }
            ready!(self.sleep.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
        }
    }

    /// Completes at the deadline, like [`Self::poll`]. Only one task may poll the timer, so this
    /// does not register the task again while the timer is armed.
    pub(crate) fn poll_owned(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.is_armed && !self.sleep.is_elapsed() && self.sleep.deadline() <= deadline {
            return Poll::Pending;
        }
        let polled = self.poll(cx, deadline);
        // A task that has used up its share of time is polled again, without being registered.
        self.is_armed = polled.is_pending() && has_budget_remaining();
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_comes_at_the_deadline_whichever_way_that_has_moved() {
        comes_at_the_deadline(Timer::poll).await;
        comes_at_the_deadline(Timer::poll_owned).await;
    }

    async fn comes_at_the_deadline(poll: fn(&mut Timer, &mut Context<'_>, Instant) -> Poll<()>) {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut timer = Timer::new(after(10));
        for (deadline, until) in [(20, 5), (7, 7), (9, 9), (60, 60)] {
            let waiting = poll_fn(|cx| poll(&mut timer, cx, after(deadline)));
            let _ = timeout(after(until) - Instant::now(), waiting).await;
            assert_eq!(Instant::now(), after(until));
        }
        let waiting = poll_fn(|cx| poll(&mut timer, cx, after(90)));
        let early = timeout(Duration::from_secs(29), waiting).await;
        assert!(early.is_err(), "a second too early");
        poll_fn(|cx| poll(&mut timer, cx, after(90))).await;
        assert_eq!(Instant::now(), after(90));
    }
}
