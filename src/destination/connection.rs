//! One connection to a destination: what is still to be written over it, and what was read from it and not yet understood.
//! The gate speaks HTTP/1.1 with its apps by itself, in the task of the request: an app needs no more than one head, one body
//! and one answer at a time, and a general client's tasks, channels and header tables cost more than all the rest of a
//! request. What the bytes mean is `head`'s, `answer_head`'s and `length`'s.

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

use crate::{
    delivery::DeliveryBody,
    net::stream::Stream,
    runtime::{jitter::random_fraction, timer::Timer},
};

/// How many pieces the kernel is given at a time.
const PIECES: usize = 16;

/// A connection. Dropped, it is closed, whatever was still to be written: else an app that reads no more would hold a
/// body's memory for as long as it likes.
pub(super) struct Link {
    stream: Stream,
    sending: Option<Sending>,
    /// Whether the app would not take all of a request.
    refused: bool,
    /// What was read and not yet understood.
    pub(super) read: BytesMut,
    timer: Option<Timer>,
    /// When it is too old to be used again.
    pub(super) expires: Instant,
}

/// A request on its way. It holds the delivery, and so its memory, until the last byte is written or refused. Its head holds
/// the app's secrets, so nothing here can be printed.
pub(super) struct Sending {
    head: Vec<u8>,
    body: DeliveryBody,
    /// Bytes written of both.
    written: usize,
    /// Whether any may have been written.
    begun: bool,
}

impl Sending {
    pub(super) fn new(head: Vec<u8>, body: DeliveryBody) -> Self {
        Self {
            head,
            body,
            written: 0,
            begun: false,
        }
    }

    fn poll_write(
        &mut self,
        mut stream: Pin<&mut Stream>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.head.len() + self.body.len() {
            // TLS may have sent some of what it then says it could not.
            self.begun |= matches!(*stream, Stream::Tls(_));
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = self.left(&mut pieces);
            let written = ready!(stream.as_mut().poll_write_vectored(cx, &pieces[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
            self.begun = true;
        }
        // TLS may have kept some of it.
        stream.poll_flush(cx)
    }

    /// Fills `pieces` with the first of what is left; how many they are.
    fn left<'a>(&'a self, pieces: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.written;
        let mut count = 0;
        let body = self.body.chunks().iter().map(|chunk| &chunk[..]);
        for part in std::iter::once(&self.head[..]).chain(body) {
            if count == pieces.len() {
                break;
            }
            if let Some(left) = part.get(skip..).filter(|left| !left.is_empty()) {
                pieces[count] = IoSlice::new(left);
                count += 1;
            }
            skip = skip.saturating_sub(part.len());
        }
        count
    }
}

impl Link {
    /// A connection that was opened now, and is used for less than `age`. Connections that were opened together do not
    /// expire together.
    pub(super) fn new(stream: Stream, age: Duration) -> Self {
        Self {
            expires: Instant::now() + age.mul_f64(1.0 - random_fraction() / 10.0),
            stream,
            sending: None,
            refused: false,
            read: BytesMut::new(),
            timer: None,
        }
    }

    /// Takes over a request, of which [`Self::poll_send`] writes what it can.
    pub(super) fn send(&mut self, request: Sending) {
        self.sending = Some(request);
    }

    /// Whether not a byte of the request was written.
    pub(super) fn is_unsent(&self) -> bool {
        self.sending.as_ref().is_some_and(|sending| !sending.begun)
    }

    /// The request, if not a byte of it was written.
    pub(super) fn take_unsent(&mut self) -> Option<Sending> {
        self.sending.take_if(|sending| !sending.begun)
    }

    /// Whether all was written.
    pub(super) fn has_sent(&self) -> bool {
        self.sending.is_none() && !self.refused
    }

    /// Writes; ready once all is written. What an app does not take is let go with the first error.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(sending) = &mut self.sending else {
            return Poll::Ready(Ok(()));
        };
        let sent = ready!(sending.poll_write(Pin::new(&mut self.stream), cx));
        if sent.is_ok() || sending.begun {
            self.refused = sent.is_err();
            self.sending = None;
        }
        Poll::Ready(sent)
    }

    /// Reads what there is, with room for `room` bytes or more; nought at the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        if self.read.capacity() == 0 {
            self.read = BytesMut::with_capacity(room);
        }
        self.read.reserve(room);
        pin!(self.stream.read_buf(&mut self.read)).poll(cx)
    }

    /// Ready once it is so late.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Timer::new(deadline));
        timer.poll(cx, deadline)
    }

    /// Whether another request may go over it now: the last exchange is over on both sides, and the socket itself holds
    /// neither bytes nor the end. An unsolicited response would be taken for the next one.
    pub(super) fn is_reusable(&mut self) -> bool {
        self.is_between_exchanges() && self.stream.holds_nothing()
    }

    /// Whether it may be kept for another request, as far as the runtime knows by now. `waker` is woken when something comes.
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
        // Under TLS what has come may be no byte of the app's.
        let mut room = [0];
        let mut room = ReadBuf::new(&mut room);
        let read = Pin::new(&mut self.stream).poll_read(&mut cx, &mut room);
        read.is_pending()
    }

    /// Gives up the memory that is of no use between two exchanges.
    pub(super) fn rest(&mut self) {
        self.read = BytesMut::new();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}
