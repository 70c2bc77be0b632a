//! What one connection is doing, as others may see it: the connections, which picks who must go when the
//! gate is full, and the connection's own timeouts. Plain atomics, written by one worker and read by
//! any; nothing here decides anything.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::proxy::connection::READ_BUFFER;

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    /// Three bits of [`Phase`] below a counter that tells one stay in a phase from the next.
    phase: AtomicU32,
    since: AtomicU64,
    opened: Instant,
    encrypted: AtomicBool,
    served: AtomicBool,
    answered: AtomicBool,
    unread: AtomicBool,
    /// When the client last took bytes that it still has not taken all of; [`NEVER`] otherwise.
    stalled: AtomicU64,
    body: Progress,
    input: Input,
    output: Output,
    held: AtomicU64,
    evicted: AtomicBool,
    waker: AtomicWaker,
}

const NEVER: u64 = u64::MAX;

/// Bytes of framing that any body may have: hyper allows chunk extensions and trailers as much.
const MOST_FRAMING: u64 = 16 * 1024;

const PHASE_BITS: u32 = 7;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Between requests, or before the first: not one byte of the next has come.
    Idle,
    /// A request's head is arriving.
    Head,
    /// A body is arriving that nothing is known of yet.
    Body,
    /// The body is complete: it is judged, with its destination, or its answer is on the way.
    Answer,
    /// The request was refused: only that answer is on the way, or what the client still sends is
    /// being thrown away.
    Refusal,
    /// Before the first request, under TLS: the two sides are agreeing on keys.
    Handshake,
}

/// One stay in a phase: equal only if the connection has not moved in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stay(u32);

impl Stay {
    pub(crate) fn phase(self) -> Phase {
        match self.0 & PHASE_BITS {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Body,
            3 => Phase::Answer,
            4 => Phase::Refusal,
            _ => Phase::Handshake,
        }
    }
}

/// Bytes read from the client.
#[derive(Debug, Default)]
struct Input {
    /// Bytes read since the worker took up the connection this time.
    turn: AtomicU64,
    /// Bytes read since the head of the request under way.
    wire: AtomicU64,
    /// Bytes of that request's body.
    body: AtomicU64,
    /// Whether that request is mostly framing.
    framing: AtomicBool,
}

/// Bytes written to the client.
#[derive(Debug, Default)]
struct Output {
    /// Whether hyper's buffer grew beyond the connection's own share of memory.
    outgrown: AtomicBool,
    /// Whether the next request waits for the last response to leave.
    waiting: AtomicBool,
}

/// How fast a body comes, over the current second and the one before.
#[derive(Debug, Default)]
struct Progress {
    second: AtomicU64,
    current: AtomicU64,
    previous: AtomicU64,
}

impl ConnectionState {
    pub(crate) fn new() -> Self {
        Self {
            phase: AtomicU32::new(0),
            since: AtomicU64::new(0),
            opened: Instant::now(),
            encrypted: AtomicBool::new(false),
            served: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            stalled: AtomicU64::new(NEVER),
            body: Progress::default(),
            input: Input::default(),
            output: Output::default(),
            held: AtomicU64::new(0),
            evicted: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    pub(crate) fn stay(&self) -> Stay {
        Stay(self.phase.load(Relaxed))
    }

    pub(crate) fn phase(&self) -> Phase {
        self.stay().phase()
    }

    /// Enters a phase. When that was is noted by [`Self::entered`], once the worker has a clock in
    /// hand, so that a request that passes in one go does not ask for the time at each step.
    pub(crate) fn enter(&self, phase: Phase) {
        let count = self.phase.load(Relaxed) & !PHASE_BITS;
        let next = count.wrapping_add(PHASE_BITS + 1);
        self.phase.store(next | phase as u32, Relaxed);
    }

    pub(crate) fn entered(&self, now: Instant) {
        self.since.store(self.millis(now), Relaxed);
    }

    /// When the present phase began.
    pub(crate) fn since(&self) -> Instant {
        self.at(self.since.load(Relaxed))
    }

    /// The handshake is done: what passes from here on is encrypted.
    pub(crate) fn encrypt(&self) {
        self.encrypted.store(true, Relaxed);
    }

    /// Whether the client speaks TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.encrypted.load(Relaxed)
    }

    /// The client takes no more bytes for now.
    pub(crate) fn stall(&self) {
        if self.stalled.load(Relaxed) == NEVER {
            self.stalled.store(self.millis(Instant::now()), Relaxed);
        }
    }

    /// The client took bytes.
    pub(crate) fn progress(&self) {
        self.stalled.store(NEVER, Relaxed);
    }

    /// Since when the client takes no bytes, if there are some for it.
    pub(crate) fn stalled(&self) -> Option<Instant> {
        let millis = self.stalled.load(Relaxed);
        (millis != NEVER).then(|| self.at(millis))
    }

    /// Notes whether the client may have more to send of a body that nobody reads.
    pub(crate) fn leave_unread(&self, unread: bool) {
        self.unread.store(unread, Relaxed);
    }

    pub(crate) fn is_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// A request's head has been read: its body begins.
    pub(crate) fn begin_request(&self) {
        self.served.store(true, Relaxed);
        self.answered.store(false, Relaxed);
        self.body.reset();
        self.input.wire.store(0, Relaxed);
        self.input.body.store(0, Relaxed);
        self.input.framing.store(false, Relaxed);
        self.enter(Phase::Body);
    }

    /// The worker takes up the connection.
    pub(crate) fn begin_turn(&self) {
        self.input.turn.store(0, Relaxed);
    }

    /// Counts bytes read from the client.
    pub(crate) fn read(&self, bytes: u64) {
        add(&self.input.turn, bytes);
        add(&self.input.wire, bytes);
    }

    /// Whether the connection has read its share of this turn. Decoding costs time for each byte, and
    /// the worker's other connections wait.
    pub(crate) fn has_had_its_turn(&self) -> bool {
        let share = match self.phase() {
            // hyper goes on to the body before anybody has judged the head.
            Phase::Idle | Phase::Head => MOST_FRAMING,
            _ => READ_BUFFER,
        };
        self.input.turn.load(Relaxed) >= share
    }

    /// Notes how many bytes of the body have arrived.
    pub(crate) fn carried(&self, total: u64) {
        self.input.body.store(total, Relaxed);
    }

    /// Judges the framing of the request under way, when hyper asks for more of its body and so has
    /// passed on all that it has read. Chunk sizes, extensions and trailers may take [`MOST_FRAMING`]
    /// and as much as the body.
    pub(crate) fn judge_framing(&self) -> bool {
        let body = self.input.body.load(Relaxed);
        let framing = self.input.wire.load(Relaxed).saturating_sub(body);
        let too_much = framing > MOST_FRAMING + body;
        if too_much {
            self.input.framing.store(true, Relaxed);
        }
        too_much
    }

    /// Whether the request under way was found to be mostly framing.
    pub(crate) fn is_mostly_framing(&self) -> bool {
        self.input.framing.load(Relaxed)
    }

    /// Whether this connection has carried a request already.
    pub(crate) fn has_served(&self) -> bool {
        self.served.load(Relaxed)
    }

    /// The last byte of the answer was handed to the connection.
    pub(crate) fn answer_is_complete(&self) {
        self.answered.store(true, Relaxed);
    }

    /// Everything handed over so far was written to the socket.
    pub(crate) fn flushed(&self) {
        if self.answered.swap(false, Relaxed) {
            self.enter(Phase::Idle);
        }
    }

    /// Ready once the response to the request before has left. hyper reads on before that, and a client that sends requests
    /// and reads no response would have it buffer one for each.
    pub(crate) fn poll_clear(&self) -> Poll<()> {
        let is_clear = !matches!(self.phase(), Phase::Answer | Phase::Refusal);
        self.output.waiting.store(!is_clear, Relaxed);
        if is_clear {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Whether a request waits for the last response to leave. Asked once that has left.
    pub(crate) fn next_waits(&self) -> bool {
        self.output.waiting.load(Relaxed)
    }

    /// hyper's buffers grew beyond the connection's own share of memory.
    pub(crate) fn outgrow(&self) {
        self.output.outgrown.store(true, Relaxed);
    }

    /// Whether hyper's buffers are to be given up behind the response.
    pub(crate) fn has_outgrown(&self) -> bool {
        self.output.outgrown.load(Relaxed)
    }

    /// hyper begins anew, with small buffers.
    pub(crate) fn renew(&self) {
        self.output.outgrown.store(false, Relaxed);
    }

    /// Bytes of an unverified body arrived.
    pub(crate) fn received(&self, bytes: u64) {
        self.body.add(self.second(), bytes);
    }

    /// Bytes that the body brought in the last one to two seconds.
    pub(crate) fn body_progress(&self) -> u64 {
        self.body.recent(self.second())
    }

    /// Adds to the memory that this connection's unverified body holds.
    pub(crate) fn hold(&self, bytes: u64) {
        self.held.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    /// Takes over what is held, so that it is given back exactly once: by whoever verified the
    /// body, dropped it, or evicted the connection.
    pub(crate) fn take_held(&self) -> u64 {
        self.held.swap(0, Relaxed)
    }

    /// Tells the connection that it must go.
    pub(crate) fn evict(&self) {
        self.evicted.store(true, Relaxed);
        self.wake();
    }

    /// Ready once the connection must go.
    pub(crate) fn poll_evicted(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.listen(cx.waker());
        if self.is_evicted() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.load(Relaxed)
    }

    /// Has the connection's task look around again.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    pub(crate) fn listen(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    fn at(&self, millis: u64) -> Instant {
        self.opened + Duration::from_millis(millis)
    }

    fn second(&self) -> u64 {
        self.millis(Instant::now()) / 1000
    }

    fn millis(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.opened);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Adds without a locked instruction: only the connection's own worker writes.
fn add(counter: &AtomicU64, bytes: u64) {
    counter.store(counter.load(Relaxed).saturating_add(bytes), Relaxed);
}

impl Progress {
    fn reset(&self) {
        self.current.store(0, Relaxed);
        self.previous.store(0, Relaxed);
    }

    fn add(&self, second: u64, bytes: u64) {
        let last = self.second.swap(second, Relaxed);
        if last == second {
            self.current.fetch_add(bytes, Relaxed);
            return;
        }
        let carried = if last + 1 == second {
            self.current.load(Relaxed)
        } else {
            0
        };
        self.previous.store(carried, Relaxed);
        self.current.store(bytes, Relaxed);
    }

    fn recent(&self, second: u64) -> u64 {
        match second.saturating_sub(self.second.load(Relaxed)) {
            0 => self.current.load(Relaxed) + self.previous.load(Relaxed),
            1 => self.current.load(Relaxed),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
