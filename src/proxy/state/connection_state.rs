//! The state of one connection: its phase, its present request and its eviction.

use std::{
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
            fence,
        },
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use hyper::body::Incoming;
use tokio::time::Instant;

use super::{
    framing::{Input, MOST_FRAMING, READ_BUFFER},
    phase::{Phase, PresentStay, Stay},
    progress::Progress,
};
use crate::runtime::turn;

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    stay: PresentStay,
    since: AtomicU64,
    opened: Instant,
    encrypted: AtomicBool,
    /// Whether the connection has carried a request.
    served: AtomicBool,
    /// Whether the client has not taken all bytes yet, and when it took the last; [`NEVER`] if it
    /// has taken all.
    stalled: AtomicU64,
    input: Input,
    output: Output,
    body: BodyState,
    evicted: AtomicBool,
    /// The waker of the task. A connection has one task from its beginning to its end.
    waker: OnceLock<Waker>,
}

const NEVER: u64 = u64::MAX;

/// The response on its way to the client.
#[derive(Debug, Default)]
struct Output {
    /// Whether hyper has the last byte of the response.
    complete: AtomicBool,
    /// Whether hyper's buffer grew beyond the connection's share of memory.
    grown: AtomicBool,
    /// Whether the next request waits until this response is sent.
    next_request: AtomicBool,
}

/// The body of the present request.
#[derive(Debug, Default)]
struct BodyState {
    progress: Progress,
    /// Memory of an incomplete body, which an eviction takes away.
    held: AtomicU64,
    /// Memory of a complete body, which the request takes over.
    claimed: AtomicU64,
    /// Whether the client may have more of the body to send.
    unread: AtomicBool,
    /// The rest of a body that the gate rejected, if it is short.
    rest: Mutex<Option<Incoming>>,
}

impl ConnectionState {
    pub(crate) fn new() -> Self {
        Self {
            stay: PresentStay::default(),
            since: AtomicU64::new(0),
            opened: Instant::now(),
            encrypted: AtomicBool::new(false),
            served: AtomicBool::new(false),
            stalled: AtomicU64::new(NEVER),
            input: Input::default(),
            output: Output::default(),
            body: BodyState::default(),
            evicted: AtomicBool::new(false),
            waker: OnceLock::new(),
        }
    }

    pub(crate) fn stay(&self) -> Stay {
        self.stay.get()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.stay().phase()
    }

    /// Enters a phase. [`Self::set_since`] follows once per poll.
    pub(crate) fn enter(&self, phase: Phase) {
        self.stay.enter(phase);
    }

    /// Sets the beginning of the present phase, and returns the time since the last call.
    pub(crate) fn set_since(&self, now: Instant) -> Duration {
        let (before, now) = (self.since.load(Relaxed), self.millis(now));
        self.since.store(now, Relaxed);
        Duration::from_millis(now.saturating_sub(before))
    }

    /// Returns the beginning of the present phase.
    pub(crate) fn since(&self) -> Instant {
        self.at(self.since.load(Relaxed))
    }

    /// Notes that the TLS handshake is complete.
    pub(crate) fn set_encrypted(&self) {
        self.encrypted.store(true, Relaxed);
    }

    /// Returns the scheme of the client's requests.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.encrypted.load(Relaxed) {
            "https"
        } else {
            "http"
        }
    }

    /// Whether the connection has carried a request.
    pub(crate) fn has_served(&self) -> bool {
        self.served.load(Relaxed)
    }

    /// Begins a request whose head has been read.
    pub(crate) fn begin_request(&self) {
        self.served.store(true, Relaxed);
        self.output.complete.store(false, Relaxed);
        self.body.progress.reset();
        self.input.begin_request();
        self.enter(Phase::Body);
    }

    /// Begins a poll of the connection by its task.
    pub(crate) fn begin_poll(&self, cx: &Context<'_>) {
        self.register(cx.waker());
        self.input.begin_poll();
    }

    /// Counts bytes read from the client.
    pub(crate) fn count_read(&self, bytes: u64) {
        self.input.add(bytes);
    }

    /// Whether the connection has read its share of this poll. Decoding costs time for each byte,
    /// and the worker's other connections wait.
    pub(crate) fn has_read_its_share(&self) -> bool {
        self.input.has_read(match self.phase() {
            // hyper reads on into the body before the gate has checked the head.
            Phase::Idle | Phase::Head => MOST_FRAMING,
            _ => READ_BUFFER,
        })
    }

    /// Sets the number of body bytes that have arrived.
    pub(crate) fn set_body_bytes(&self, total: u64) {
        self.input.set_body(total);
    }

    /// Returns the number of body bytes that have arrived.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.input.body()
    }

    /// Checks the framing of the present request when hyper asks for more of its body, and returns
    /// whether it is too much.
    pub(crate) fn check_framing(&self) -> bool {
        self.input.check_framing()
    }

    /// Whether a check found too much framing in the present request.
    pub(crate) fn has_too_much_framing(&self) -> bool {
        self.input.has_too_much_framing()
    }

    /// Counts bytes toward the progress of an unverified body.
    pub(crate) fn count_progress(&self, bytes: u64) {
        self.body.progress.add(self.second(), bytes);
    }

    /// Returns the bytes that the body brought in the last one to two seconds.
    pub(crate) fn body_progress(&self) -> u64 {
        self.body.progress.recent(self.second())
    }

    /// Adds to the memory that the unverified body holds.
    pub(crate) fn hold(&self, bytes: u64) {
        self.body.held.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn held(&self) -> u64 {
        self.body.held.load(Relaxed)
    }

    /// Takes the held memory, so that it is released once only: when the body is dropped or the
    /// connection is evicted.
    pub(crate) fn take_held(&self) -> u64 {
        take(&self.body.held)
    }

    /// Notes that the body is complete. An eviction no longer takes its memory away.
    pub(crate) fn complete_body(&self) {
        self.enter(Phase::Response);
        let held = self.take_held();
        if held > 0 {
            self.body.claimed.fetch_add(held, Relaxed);
        }
    }

    /// Takes the memory of the complete body.
    pub(crate) fn take_claimed(&self) -> u64 {
        take(&self.body.claimed)
    }

    /// Notes whether the client may have more to send of a body that the gate does not read.
    pub(crate) fn set_unread(&self, unread: bool) {
        self.body.unread.store(unread, Relaxed);
    }

    pub(crate) fn has_unread(&self) -> bool {
        self.body.unread.load(Relaxed)
    }

    /// Leaves the short rest of a rejected body.
    pub(crate) fn leave_rest(&self, rest: Incoming) {
        *self.lock_rest() = Some(rest);
    }

    /// Takes the short rest of a rejected body.
    pub(crate) fn take_rest(&self) -> Option<Incoming> {
        // The lock is only for a rest, which leaves the body unread.
        self.has_unread().then(|| self.lock_rest().take()).flatten()
    }

    fn lock_rest(&self) -> MutexGuard<'_, Option<Incoming>> {
        self.body
            .rest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the client takes no more bytes for now.
    pub(crate) fn stall(&self) {
        if self.stalled.load(Relaxed) == NEVER {
            self.stalled.store(self.millis(turn::now()), Relaxed);
        }
    }

    /// Notes that the client took bytes.
    pub(crate) fn end_stall(&self) {
        self.stalled.store(NEVER, Relaxed);
    }

    /// Returns when the client took the last bytes, if it has not taken all.
    pub(crate) fn stalled(&self) -> Option<Instant> {
        let millis = self.stalled.load(Relaxed);
        (millis != NEVER).then(|| self.at(millis))
    }

    /// Notes that hyper has the last byte of the response.
    pub(crate) fn complete_response(&self) {
        self.output.complete.store(true, Relaxed);
    }

    /// Notes that all bytes so far were written to the socket. The connection is idle if they end a
    /// response.
    pub(crate) fn flushed(&self) {
        // Only the connection's worker writes it, so no locked instruction is needed.
        if self.output.complete.load(Relaxed) {
            self.output.complete.store(false, Relaxed);
            self.enter(Phase::Idle);
        }
    }

    /// Polls until the response to the previous request is sent. hyper reads on before that, and
    /// would buffer a response for each request of a client that reads none.
    pub(crate) fn poll_response_sent(&self) -> Poll<()> {
        let is_sent = !matches!(self.phase(), Phase::Response | Phase::Rejection);
        self.output.next_request.store(!is_sent, Relaxed);
        if is_sent {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Whether a request waits until the response to the previous one is sent.
    pub(crate) fn has_next_request(&self) -> bool {
        self.output.next_request.load(Relaxed)
    }

    /// Notes whether hyper's write buffer is larger than the connection's share of memory.
    pub(crate) fn set_large_buffer(&self, large: bool) {
        self.output.grown.store(large, Relaxed);
    }

    pub(crate) fn has_large_buffer(&self) -> bool {
        self.output.grown.load(Relaxed)
    }

    /// Tells the connection to close.
    pub(crate) fn evict(&self) {
        self.evicted.store(true, Relaxed);
        self.wake();
    }

    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.load(Relaxed)
    }

    /// Polls until the connection is evicted.
    pub(crate) fn poll_evicted(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.register(cx.waker());
        if self.is_evicted() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Wakes the task of the connection.
    pub(crate) fn wake(&self) {
        // Either this finds the waker, or the task finds the reason after it has registered.
        fence(SeqCst);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Registers the task of the connection.
    fn register(&self, waker: &Waker) {
        if self.waker.get().is_none() {
            // Cannot fail, because only the task registers itself.
            let _ = self.waker.set(waker.clone());
            fence(SeqCst);
        }
    }

    fn at(&self, millis: u64) -> Instant {
        self.opened + Duration::from_millis(millis)
    }

    fn second(&self) -> u64 {
        self.millis(turn::now()) / 1000
    }

    fn millis(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.opened);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Takes the value of a counter. Most are zero, for which no locked instruction is needed.
fn take(counter: &AtomicU64) -> u64 {
    match counter.load(Relaxed) {
        0 => 0,
        _ => counter.swap(0, Relaxed),
    }
}
