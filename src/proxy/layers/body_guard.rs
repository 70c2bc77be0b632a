//! A request's body under guard: its time, its least rate and the memory it makes the verifying
//! layer hold. Each frame passes through unchanged; a body that breaks a limit ends with the
//! rejection that says which. How many bytes a body may have is the endpoint's policy, and the
//! layer's to judge.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, header::EXPECT};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, timeout};
use tower_cartgate::{Rejection, RejectionKind, max_buffered};

use crate::proxy::{
    admission::memory::{FREE_SHARE, STEP},
    connection::READ_BUFFER,
    context::RequestContext,
    state::Phase,
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A frame of this size or more is a slice of hyper's read buffer that the layer keeps as it is; see
/// [`max_buffered`].
const UNCOPIED: u64 = 32 * 1024;

/// What is read away behind a refusal, so that the connection can go on.
const LITTLE: u64 = 4 * 1024;

/// How long that may take.
const SKIPPING: Duration = Duration::from_millis(50);

/// The body of a request that nothing is known of yet.
#[derive(Debug)]
pub(crate) struct GuardedBody {
    /// None once what is left was handed on, which is its last moment.
    body: Option<Incoming>,
    context: Arc<RequestContext>,
    /// Whether what a refusal leaves unread is little, and can be skipped.
    can_be_skipped: bool,
    received: u64,
    /// Bytes that were counted toward its pace.
    paced: u64,
    /// What uncopied frames keep alive beyond their own bytes, at most.
    pinned: u64,
    paid: u64,
    whole: bool,
    /// Made when a body first has to be waited for: most come with their head.
    clock: Option<Pin<Box<Sleep>>>,
}

impl GuardedBody {
    pub(crate) fn new(request: Request<Incoming>, context: &Arc<RequestContext>) -> Request<Self> {
        let can_be_skipped = is_little(&request);
        request.map(|body| Self {
            body: Some(body),
            context: Arc::clone(context),
            can_be_skipped,
            received: 0,
            paced: 0,
            pinned: 0,
            paid: FREE_SHARE,
            whole: false,
            clock: None,
        })
    }

    fn count(&mut self, bytes: u64) -> Result<(), Rejection> {
        self.received += bytes;
        self.context.connection.carried(self.received);
        if bytes >= UNCOPIED {
            self.pinned += READ_BUFFER.saturating_sub(bytes);
        }
        let held = max_buffered(self.received) + self.pinned;
        if held > FREE_SHARE || self.clock.is_some() {
            self.note_pace();
        }
        if held <= self.paid {
            return Ok(());
        }
        self.pay(held.next_multiple_of(STEP) - self.paid)
    }

    /// Counts toward its pace. That asks for the time, and only bodies that had to be waited for or compete for
    /// memory may be evicted.
    fn note_pace(&mut self) {
        let paced = std::mem::replace(&mut self.paced, self.received);
        self.context.connection.received(self.received - paced);
    }

    /// Takes memory from the common budget, if need be from a body that makes less progress.
    fn pay(&mut self, bytes: u64) -> Result<(), Rejection> {
        let shared = &self.context.shared;
        let state = &self.context.connection;
        let rate = self.context.config.timeouts.body_rate;
        let taken = shared.memory.take(bytes)
            || shared
                .connections
                .take_over(&shared.memory, bytes, state, rate);
        if !taken {
            return Err(Rejection::new(RejectionKind::Busy));
        }
        state.hold(bytes);
        self.paid += bytes;
        Ok(())
    }

    /// While nothing comes: was the connection sent away, is the body too slow, or is it all framing?
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Rejection> {
        if self.context.connection.is_mostly_framing() {
            return Poll::Ready(Rejection::new(RejectionKind::Unreadable));
        }
        if self.context.connection.is_evicted() {
            return Poll::Ready(Rejection::new(RejectionKind::Busy));
        }
        loop {
            let Some(deadline) = self.deadline() else {
                return Poll::Ready(Rejection::new(RejectionKind::TooSlow));
            };
            if self.clock.is_none() {
                self.note_pace();
            }
            let clock = self
                .clock
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if clock.is_elapsed() {
                clock.as_mut().reset(deadline);
            }
            if clock.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// When the body will be too slow if nothing more comes; none if it is already.
    fn deadline(&self) -> Option<Instant> {
        let timeouts = &self.context.config.timeouts;
        let begun = self.context.begun;
        let earned = Duration::from_secs(self.received / timeouts.body_rate.max(1));
        let deadline = begun + timeouts.body.min(timeouts.body_grace.max(earned));
        (deadline > Instant::now()).then_some(deadline)
    }

    /// The whole body is here: the layer judges it next, and what it holds is the request's now.
    fn complete(&mut self) {
        let state = &self.context.connection;
        if !std::mem::replace(&mut self.whole, true) {
            state.enter(Phase::Answer);
            self.context.keep(state.take_held());
        }
    }
}

impl Body for GuardedBody {
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
                .poll_patience(cx)
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

impl Drop for GuardedBody {
    fn drop(&mut self) {
        let state = &self.context.connection;
        self.context.has_received(self.received);
        self.context.shared.memory.give_back(state.take_held());
        let unread = !self.whole && !self.is_end_stream();
        state.leave_unread(unread);
        if unread
            && self.can_be_skipped
            && let Some(rest) = self.body.take()
        {
            self.context.leave(rest);
        }
    }
}

/// A body that ends within a packet or two. Reading one that its client sends only when told to
/// (`Expect`) would tell it to.
fn is_little<B: Body>(request: &Request<B>) -> bool {
    let length = request.body().size_hint().exact();
    length.is_some_and(|length| length <= LITTLE) && !request.headers().contains_key(EXPECT)
}

/// Reads away what a refused request left unread, if that is little and comes at once: the next
/// request on the connection stands behind it, and may be a genuine one.
pub(crate) async fn skip_rest(context: &RequestContext) {
    let Some(mut rest) = context.take_rest() else {
        return;
    };
    let skipped = timeout(SKIPPING, async {
        while let Some(frame) = rest.frame().await {
            frame?;
        }
        Ok::<(), hyper::Error>(())
    });
    let skipped = matches!(skipped.await, Ok(Ok(())));
    context.connection.leave_unread(!skipped);
}
