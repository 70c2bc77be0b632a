//! A connection to a destination: the request that is being written, and the bytes that were read
//! and not parsed yet.
//!
//! The gate speaks HTTP/1.1 with its apps itself, in the task of the request. An app needs one
//! head, one body and one response at a time; the tasks, channels and header tables of a general
//! client cost more than the rest of a request.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, ReadBuf},
    time::Instant,
};

use super::{head_buffer::HeadBuffer, settings::Settings};
use crate::{
    delivery::DeliveryBody,
    net::stream::Stream,
    runtime::{jitter::random_fraction, timer::Timer},
};

/// The number of slices per vectored write.
const MAX_SLICES: usize = 16;

/// The room up to which an idle connection keeps its read buffer. A buffer grows to twice the room
/// at most, so an idle connection keeps 4 KiB at most.
const MAX_KEPT_ROOM: usize = 2 * 1024;

/// The length from which fetching a body into the processor's cache again costs more than waking
/// the app for each write.
const LARGE_BODY: usize = 16 * 1024;

/// A connection. It is closed when dropped, even with unwritten bytes: otherwise an app that stops
/// reading could hold a body's memory forever.
pub(super) struct Connection {
    stream: Stream,
    request: Option<PendingRequest>,
    /// Whether the app did not accept a whole request.
    write_failed: bool,
    /// The bytes that were read and not parsed yet.
    pub(super) read: BytesMut,
    /// Whether the read buffer is too large to be kept between two exchanges.
    is_large: bool,
    timer: Option<Timer>,
    /// The timeout for a pause within a response, and the end of the current pause.
    pub(super) pause_timeout: Duration,
    pause_ends: Option<Instant>,
    /// The time from which it is too old to be reused.
    pub(super) expires: Instant,
}

/// A request that is being written. It holds the delivery, and so its memory, until the last byte
/// is written or the write fails. It implements no `Debug`, because its head holds the app's
/// secrets.
pub(super) struct PendingRequest {
    head: HeadBuffer,
    body: DeliveryBody,
    /// The bytes written of head and body together.
    written: usize,
    /// Whether any byte may have been written.
    begun: bool,
}

impl PendingRequest {
    pub(super) fn new(head: HeadBuffer, body: DeliveryBody) -> Self {
        Self {
            head,
            body,
            written: 0,
            begun: false,
        }
    }

    /// Returns whether a task should write it without a pause after reading it.
    pub(super) fn is_large(&self) -> bool {
        self.body.len() >= LARGE_BODY
    }

    fn poll_write(
        &mut self,
        mut stream: Pin<&mut Stream>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.head.len() + self.body.len() {
            // TLS may have sent part of a write that then returns an error.
            self.begun |= matches!(*stream, Stream::ClientTls(_));
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.fill(&mut slices);
            let written = ready!(stream.as_mut().poll_write_vectored(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
            self.begun = true;
        }
        // TLS may still buffer part of it.
        stream.poll_flush(cx)
    }

    /// Fills `slices` with the first unwritten bytes, and returns the number of slices.
    fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.written;
        let mut count = 0;
        let body = self.body.chunks().iter().map(|chunk| &chunk[..]);
        for part in std::iter::once(&self.head[..]).chain(body) {
            if count == slices.len() {
                break;
            }
            if let Some(unwritten) = part.get(skip..).filter(|rest| !rest.is_empty()) {
                slices[count] = IoSlice::new(unwritten);
                count += 1;
            }
            skip = skip.saturating_sub(part.len());
        }
        count
    }
}

impl Connection {
    /// Takes over a stream that was opened now, and uses it for less than its maximum age. The random part
    /// keeps connections that opened together from expiring together.
    pub(super) fn new(stream: Stream, settings: &Settings) -> Self {
        let age = settings.max_age.mul_f64(1.0 - random_fraction() / 10.0);
        Self {
            expires: Instant::now() + age,
            stream,
            request: None,
            write_failed: false,
            read: BytesMut::new(),
            is_large: false,
            timer: None,
            pause_timeout: settings.pause_timeout,
            pause_ends: None,
        }
    }

    /// Accepts a request, which [`Self::poll_send`] writes.
    pub(super) fn send(&mut self, request: PendingRequest) {
        self.request = Some(request);
    }

    /// Returns whether no byte of the request was written.
    pub(super) fn is_unsent(&self) -> bool {
        self.request.as_ref().is_some_and(|request| !request.begun)
    }

    /// Returns the request, if no byte of it was written.
    pub(super) fn take_unsent(&mut self) -> Option<PendingRequest> {
        self.request.take_if(|request| !request.begun)
    }

    /// Returns whether the whole request was written.
    pub(super) fn has_sent(&self) -> bool {
        self.request.is_none() && !self.write_failed
    }

    /// Writes the request. The first error drops the rest of it, unless nothing was written.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(request) = &mut self.request else {
            return Poll::Ready(Ok(()));
        };
        let sent = ready!(request.poll_write(Pin::new(&mut self.stream), cx));
        if sent.is_ok() || request.begun {
            self.write_failed = sent.is_err();
            self.request = None;
        }
        Poll::Ready(sent)
    }

    /// Reads available bytes, with room for at least `room`. Returns 0 at the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        self.is_large |= self.read.len() + room > MAX_KEPT_ROOM;
        // Uses the buffer again, once the bytes that were taken from it are dropped.
        self.read.reserve(room);
        pin!(self.stream.read_buf(&mut self.read)).poll(cx)
    }

    /// Completes at the deadline.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Timer::new(deadline));
        timer.poll(cx, deadline)
    }

    /// Completes when the current pause within a response has taken too long.
    pub(super) fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.pause_timeout;
        let ends = self
            .pause_ends
            .get_or_insert_with(|| Instant::now() + limit);
        let ends = *ends;
        self.poll_deadline(cx, ends)
    }

    /// Ends the current pause. The next one has its own timeout.
    pub(super) fn end_pause(&mut self) {
        self.pause_ends = None;
    }

    /// Returns whether another request may be sent now: the last exchange has ended on both sides,
    /// and the socket holds neither bytes nor the end of the stream. An unsolicited response would
    /// be taken for the response to the next request.
    pub(super) fn is_reusable(&mut self) -> bool {
        self.is_between_exchanges() && self.stream.is_empty()
    }

    /// Returns whether the connection may be kept for another request, as far as the runtime knows.
    /// Wakes `waker` when bytes or the end arrive.
    pub(super) fn is_idle(&mut self, waker: &Waker) -> bool {
        self.is_between_exchanges() && self.is_silent(waker)
    }

    fn is_between_exchanges(&self) -> bool {
        self.has_sent() && self.read.is_empty()
    }

    fn is_silent(&mut self, waker: &Waker) -> bool {
        let mut cx = Context::from_waker(waker);
        if self.stream.poll_read_ready(&mut cx).is_pending() {
            return true;
        }
        // Under TLS, the bytes may be a message of the session, and not data of the app.
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        let read = Pin::new(&mut self.stream).poll_read(&mut cx, &mut byte);
        read.is_pending()
    }

    /// Frees the read buffer between two exchanges, if it is large.
    pub(super) fn release_buffer(&mut self) {
        if self.is_large {
            self.read = BytesMut::new();
            self.is_large = false;
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
