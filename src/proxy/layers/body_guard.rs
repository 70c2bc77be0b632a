//! The body of a request under guard: its timeout, its minimum rate, and the memory that the
//! verifying layer holds for it.
//!
//! Each frame passes unchanged. A body that breaks a limit ends with the rejection that names it.
//! The maximum length is part of the endpoint's policy, which the verifying layer applies.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, timeout};
use tower_cartgate::{Rejection, RejectionKind, max_buffered};

use crate::proxy::{
    admission::memory::{FREE_SHARE, STEP},
    context::RequestContext,
    state::{ConnectionState, READ_BUFFER},
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A frame of this size or more is a slice of hyper's read buffer, which the layer keeps as it is;
/// see [`max_buffered`].
const UNCOPIED: u64 = 32 * 1024;

/// The longest rest of a rejected body that the gate reads and discards to keep the connection.
const SHORT_REST: u64 = 4 * 1024;

/// The time in which that rest must arrive.
const REST_TIMEOUT: Duration = Duration::from_millis(50);

/// The body of an unverified request.
#[derive(Debug)]
pub(crate) struct GuardedBody<'r> {
    /// None once the rest was left to the connection, when the guard is dropped.
    body: Option<Incoming>,
    context: &'r RequestContext<'r>,
    /// Whether the whole body is so short that its rest can be discarded.
    is_short: bool,
    /// Bytes that have arrived.
    received: u64,
    /// Bytes of them that count toward the progress.
    counted: u64,
    /// Bytes that uncopied frames keep alive beyond their own, at most.
    pinned: u64,
    /// Bytes of memory that the body may use.
    paid: u64,
    complete: bool,
    /// Created when the body first has to be waited for: most bodies come with their head.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<'r> GuardedBody<'r> {
    /// Puts the body of a request under guard. `expects` says whether its client waits until it is
    /// told to send the body: reading the rest of that body would tell it to.
    pub(crate) fn new(body: Incoming, expects: bool, context: &'r RequestContext<'r>) -> Self {
        Self {
            is_short: !expects && is_short(&body),
            body: Some(body),
            context,
            received: 0,
            counted: 0,
            pinned: 0,
            paid: FREE_SHARE,
            complete: false,
            timer: None,
        }
    }

    fn count(&mut self, bytes: u64) -> Result<(), Rejection> {
        self.received += bytes;
        self.context.connection.set_body_bytes(self.received);
        if bytes >= UNCOPIED {
            self.pinned += READ_BUFFER.saturating_sub(bytes);
        }
        let used = max_buffered(self.received) + self.pinned;
        if used > FREE_SHARE || self.timer.is_some() {
            self.count_progress();
        }
        if used <= self.paid {
            return Ok(());
        }
        self.pay(used.next_multiple_of(STEP) - self.paid)
    }

    /// Counts the new bytes toward the progress. That reads the clock, and only bodies that had to
    /// be waited for or that compete for memory can be evicted.
    fn count_progress(&mut self) {
        let counted = std::mem::replace(&mut self.counted, self.received);
        self.context
            .connection
            .count_progress(self.received - counted);
    }

    /// Takes memory from the common budget, or else from bodies that make less progress.
    fn pay(&mut self, bytes: u64) -> Result<(), Rejection> {
        let (shared, connection) = (self.context.shared, self.context.connection);
        let rate = self.context.snapshot.timeouts.body_rate;
        let memory = &shared.memory;
        let taken = memory.take(bytes)
            || shared
                .connections
                .take_over(memory, bytes, connection, rate);
        if !taken {
            return Err(Rejection::new(RejectionKind::Busy));
        }
        connection.hold(bytes);
        self.paid += bytes;
        Ok(())
    }

    /// Checks, while no frame arrives, whether the body has too much framing, lost its memory, or
    /// is too slow.
    fn poll_rejection(&mut self, cx: &mut Context<'_>) -> Poll<Rejection> {
        if self.context.connection.has_too_much_framing() {
            return Poll::Ready(Rejection::new(RejectionKind::Unreadable));
        }
        if self.context.connection.is_evicted() {
            return Poll::Ready(Rejection::new(RejectionKind::Busy));
        }
        loop {
            let Some(deadline) = self.deadline() else {
                return Poll::Ready(Rejection::new(RejectionKind::TooSlow));
            };
            if self.timer.is_none() {
                self.count_progress();
            }
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Returns when the body is too slow if no more bytes arrive; none if it is too slow already.
    fn deadline(&self) -> Option<Instant> {
        let timeouts = &self.context.snapshot.timeouts;
        let earned = Duration::from_secs(self.received / timeouts.body_rate.max(1));
        let deadline = self.context.begun + timeouts.body.min(timeouts.body_grace.max(earned));
        (deadline > Instant::now()).then_some(deadline)
    }

    /// Notes that the whole body is here. The layer judges it next.
    fn complete(&mut self) {
        if !std::mem::replace(&mut self.complete, true) {
            self.context.connection.complete_body();
        }
    }
}

impl Body for GuardedBody<'_> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                if let Err(rejection) = self.count(bytes) {
                    return Poll::Ready(Some(Err(rejection.into())));
                }
                if self.is_end_stream() {
                    self.complete();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                self.complete();
                Poll::Ready(None)
            }
            Poll::Pending => self
                .poll_rejection(cx)
                .map(|rejection| Some(Err(rejection.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for GuardedBody<'_> {
    fn drop(&mut self) {
        let (shared, connection) = (self.context.shared, self.context.connection);
        shared.memory.release(connection.take_held());
        let unread = !self.complete && !self.is_end_stream();
        connection.set_unread(unread);
        if unread
            && self.is_short
            && let Some(rest) = self.body.take()
        {
            connection.leave_rest(rest);
        }
    }
}

/// Whether a body ends within a packet or two.
fn is_short(body: &Incoming) -> bool {
    let length = body.size_hint().exact();
    length.is_some_and(|length| length <= SHORT_REST)
}

/// Reads and discards the rest of a rejected request, if it is short and arrives at once. The next
/// request on the connection follows it, and may be genuine.
pub(crate) async fn discard_rest(connection: &ConnectionState) {
    let Some(mut rest) = connection.take_rest() else {
        return;
    };
    let discarded = timeout(REST_TIMEOUT, async {
        while let Some(frame) = rest.frame().await {
            frame?;
        }
        Ok::<(), hyper::Error>(())
    });
    let discarded = matches!(discarded.await, Ok(Ok(())));
    connection.set_unread(!discarded);
}
