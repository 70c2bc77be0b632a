//! The body of a destination's response, passed on as it arrives.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::timeout;

use super::{
    body_decoder::{BodyDecoder, Decoded},
    connection::Connection,
    malformed_response::MalformedResponse,
    pool::Pool,
};

/// The limits of the room for a read, which is the rest of the body if it is known.
const MAX_ROOM: usize = 64 * 1024;
const MIN_ROOM: usize = 4 * 1024;

/// The body of a destination's response. Read to its end, it returns the connection to the pool
/// once the request is written, too. Dropped earlier, it closes the connection.
#[derive(Debug)]
pub(crate) struct DestinationBody {
    decoder: BodyDecoder,
    /// The connection, until the body has ended or failed.
    connection: Option<Box<Connection>>,
    /// The pool of a reusable connection.
    pool: Option<Pool>,
}

impl DestinationBody {
    pub(super) fn new(
        decoder: BodyDecoder,
        connection: Box<Connection>,
        pool: Option<Pool>,
    ) -> Self {
        let mut body = Self {
            decoder,
            connection: Some(connection),
            pool,
        };
        if body.decoder.is_complete() {
            body.release();
        }
        body
    }

    /// Releases the connection after the last byte. An app may respond before it has read the whole
    /// delivery. It then has the time of one pause to read the rest, because the delivery's memory
    /// is held meanwhile. Its connection is not reused, because the app may misread the rest.
    fn release(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if connection.has_sent() {
            if let Some(pool) = self.pool.take() {
                pool.put(connection);
            }
            return;
        }
        let limit = connection.pause_timeout;
        tokio::spawn(timeout(limit, async move {
            poll_fn(|cx| connection.poll_send(cx)).await
        }));
    }

    /// Returns the next bytes, or `None` at the end.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(Ok(None));
        };
        // Writes the rest of the request. If the app does not read it, its response still counts.
        let _ = connection.poll_send(cx);
        loop {
            match self
                .decoder
                .decode(&mut connection.read)
                .map_err(invalid_data)?
            {
                Decoded::Data(bytes) => return Poll::Ready(Ok(Some(bytes))),
                Decoded::End => return Poll::Ready(Ok(None)),
                Decoded::NeedsMore => {}
            }
            if ready!(connection.poll_read(cx, room(&self.decoder)))? == 0 {
                let end = self.decoder.may_end().then_some(None);
                return Poll::Ready(end.ok_or_else(|| io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(connection) = &mut self.connection else {
            return Poll::Pending;
        };
        ready!(connection.poll_pause(cx));
        Poll::Ready(io::Error::new(
            io::ErrorKind::TimedOut,
            "the destination paused for too long within its response",
        ))
    }
}

fn room(decoder: &BodyDecoder) -> usize {
    let remaining = decoder.remaining();
    let remaining = remaining.and_then(|remaining| usize::try_from(remaining).ok());
    remaining.unwrap_or(MAX_ROOM).clamp(MIN_ROOM, MAX_ROOM)
}

fn invalid_data(error: MalformedResponse) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl Body for DestinationBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let data = match self.poll_data(cx) {
            Poll::Ready(data) => data,
            Poll::Pending => Err(ready!(self.poll_pause(cx))),
        };
        if let Some(connection) = &mut self.connection {
            connection.end_pause();
        }
        Poll::Ready(match data {
            Ok(Some(bytes)) => {
                if self.decoder.is_complete() {
                    self.release();
                }
                Some(Ok(Frame::data(bytes)))
            }
            Ok(None) => {
                self.release();
                None
            }
            // The client must see a connection that breaks off: a short response must not look
            // complete.
            Err(error) => {
                self.connection = None;
                Some(Err(error))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.connection.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.decoder.remaining() {
            Some(remaining) => SizeHint::with_exact(remaining),
            None => SizeHint::default(),
        }
    }
}
