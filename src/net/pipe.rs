//! A connection in memory, for simulations: two ends, and bytes in both directions.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One end of a connection. The other end reads an end of the stream once this one is dropped.
#[derive(Debug)]
pub struct Pipe {
    inbound: Channel,
    outbound: Channel,
}

/// The bytes in one direction.
#[derive(Debug, Clone, Default)]
struct Channel(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    bytes: VecDeque<u8>,
    is_closed: bool,
    reader: Option<Waker>,
}

impl Pipe {
    /// Opens a connection, and returns both ends.
    pub(crate) fn pair() -> (Self, Self) {
        let (one, other) = (Channel::default(), Channel::default());
        let near = Self {
            inbound: one.clone(),
            outbound: other.clone(),
        };
        let far = Self {
            inbound: other,
            outbound: one,
        };
        (near, far)
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut content = self.inbound.content();
        if content.is_readable() {
            return Poll::Ready(Ok(()));
        }
        content.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Returns whether there are neither bytes nor the end of the stream.
    pub(crate) fn is_empty(&self) -> bool {
        !self.inbound.content().is_readable()
    }
}

impl Channel {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut content = self.content();
        content.is_closed = true;
        content.wake();
    }
}

impl Content {
    fn is_readable(&self) -> bool {
        !self.bytes.is_empty() || self.is_closed
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.inbound.close();
        self.outbound.close();
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut content = self.inbound.content();
        if !content.is_readable() {
            content.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let length = content.bytes.len().min(buf.remaining());
        for byte in content.bytes.drain(..length) {
            buf.put_slice(&[byte]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut content = self.outbound.content();
        if content.is_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        content.bytes.extend(bytes);
        content.wake();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbound.close();
        Poll::Ready(Ok(()))
    }
}
