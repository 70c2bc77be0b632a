//! The body of a response. Each part that the client accepts moves the connection's deadline, so a
//! large body may take long while a client that reads nothing is dropped.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{Error, body::Body};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::connection::AdminConnection;

/// The largest part of a body. A part is accepted as a whole, so it must be small enough for a slow
/// network.
const PART: usize = 16 * 1024;

/// A body that moves the deadline of its connection.
pub(super) struct TimedBody {
    inner: Body,
    /// The rest of a frame of `inner`.
    rest: Bytes,
    connection: Arc<AdminConnection>,
}

impl TimedBody {
    pub(super) fn new(inner: Body, connection: Arc<AdminConnection>) -> Self {
        Self {
            inner,
            rest: Bytes::new(),
            connection,
        }
    }
}

impl http_body::Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        // The connection asks for a part only when it has written the previous ones.
        self.connection.progressed();
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let part = self.rest.len().min(PART);
        let part = self.rest.split_to(part);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
