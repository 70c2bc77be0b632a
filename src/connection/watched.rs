//! A client's stream as hyper sees it, with an eye on what passes: the first byte of a request, the
//! end of an answer, a client that takes no more bytes. It also keeps hyper's own error answers
//! from the wire, since the gate gives its own.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::{Activity, Phase};
use crate::stream::Stream;

/// A client's stream.
#[derive(Debug)]
pub(crate) struct Watched {
    stream: Stream,
    activity: Arc<Activity>,
    /// The status of an answer that hyper made by itself.
    withheld: Option<u16>,
    ended: bool,
}

impl Watched {
    pub(crate) fn new(stream: Stream, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            withheld: None,
            ended: false,
        }
    }

    pub(crate) fn withheld(&self) -> Option<u16> {
        self.withheld
    }

    /// Whether the client has closed its side.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Between requests and within a head hyper writes one thing only: its own answer to what it
    /// could not parse. The status is in the same place always: `HTTP/1.1 400`.
    fn withhold(&mut self, bytes: &[u8]) -> bool {
        let own = matches!(self.activity.phase(), Phase::Idle | Phase::Head);
        if own && self.withheld.is_none() {
            let status = bytes
                .get(9..12)
                .and_then(|code| std::str::from_utf8(code).ok());
            self.withheld = Some(status.and_then(|code| code.parse().ok()).unwrap_or(400));
        }
        own
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Pending => self.activity.stall(),
            Poll::Ready(_) => self.activity.progress(),
        }
        result
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if matches!(result, Poll::Ready(Ok(()))) {
            let read = buf.filled().len() - before;
            self.ended |= read == 0 && buf.remaining() > 0;
            if read > 0 && self.activity.phase() == Phase::Idle {
                self.activity.enter(Phase::Head);
            }
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.withhold(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.withhold(parts.first().map_or(&[], |part| part)) {
            return Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()));
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(result, Poll::Ready(Ok(()))) {
            self.activity.flushed();
        }
        result
    }

    /// hyper is done, but the client may not be: the end of a connection is `linger`'s.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
