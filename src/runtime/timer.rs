//! A timer for deadlines that nearly always move before they expire. It is armed lazily: moving a
//! deadline to a later time costs nothing, because the timer fires early and is armed again.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer for one deadline at a time.
#[derive(Debug)]
pub(crate) struct Timer(Pin<Box<Sleep>>);

impl Timer {
    /// Creates a timer. Its first deadline must not be later than `deadline`.
    ///
    /// # Panics
    ///
    /// Outside a runtime, as tokio's own timers do.
    pub(crate) fn new(deadline: Instant) -> Self {
        Self(Box::pin(sleep_until(deadline)))
    }

    /// Completes at the deadline.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        loop {
            if self.0.is_elapsed() || self.0.deadline() > deadline {
                self.0.as_mut().reset(deadline);
            }
            ready!(self.0.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_comes_at_the_deadline_whichever_way_that_has_moved() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut timer = Timer::new(after(10));
        for (deadline, until) in [(20, 5), (7, 7), (9, 9), (60, 60)] {
            let waiting = poll_fn(|cx| timer.poll(cx, after(deadline)));
            let _ = timeout(after(until) - Instant::now(), waiting).await;
            assert_eq!(Instant::now(), after(until));
        }
        let waiting = poll_fn(|cx| timer.poll(cx, after(90)));
        let early = timeout(Duration::from_secs(29), waiting).await;
        assert!(early.is_err(), "a second too early");
        poll_fn(|cx| timer.poll(cx, after(90))).await;
        assert_eq!(Instant::now(), after(90));
    }
}
