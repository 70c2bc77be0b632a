//! A destination's answer on its way back, passed on as it comes. Read to its end, its connection
//! goes back to the pool once the delivery was written to its end, too; let go before, it is closed.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, timeout};

use super::pool::Pool;
use crate::destination::{
    body_decoder::{Length, Taken},
    connection::Link,
};

/// How much room there is for what is read at a time, at the least: as much as is left of the body, between these two.
const MOST: usize = 64 * 1024;
const LEAST: usize = 4 * 1024;

/// The body of a destination's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    length: Length,
    /// None once the answer is whole, or broke off.
    link: Option<Link>,
    /// Where the connection goes then, if it can be used again.
    pool: Option<Pool>,
    limit: Duration,
    /// When a pause of the answer has lasted too long.
    deadline: Option<Instant>,
}

impl Answer {
    pub(super) fn new(length: Length, link: Link, pool: Option<Pool>, limit: Duration) -> Self {
        let mut answer = Self {
            length,
            link: Some(link),
            pool,
            limit,
            deadline: None,
        };
        if answer.length.is_over() {
            answer.release();
        }
        answer
    }

    /// The answer is whole. An app may answer before it has read the delivery to its end: from then on it gets as long for
    /// the rest as for a pause, and no longer, since the delivery's memory is held for it. Nobody knows what such an app makes
    /// of the rest, so its connection is not used again.
    fn release(&mut self) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        if link.has_sent() {
            if let Some(pool) = self.pool.take() {
                pool.give(link);
            }
            return;
        }
        let limit = self.limit;
        tokio::spawn(timeout(limit, async move {
            poll_fn(|cx| link.poll_send(cx)).await
        }));
    }

    /// The next bytes; none at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let Some(link) = &mut self.link else {
            return Poll::Ready(Ok(None));
        };
        // What it has yet to read of the delivery. If it does not want it, its answer counts all the same.
        let _ = link.poll_send(cx);
        loop {
            match self.length.take(&mut link.read).map_err(broken)? {
                Taken::Piece(bytes) => return Poll::Ready(Ok(Some(bytes))),
                Taken::Over => return Poll::Ready(Ok(None)),
                Taken::Nothing => {}
            }
            if ready!(link.poll_read(cx, room(&self.length)))? == 0 {
                let whole = self.length.may_end().then_some(None);
                return Poll::Ready(whole.ok_or_else(|| io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(link) = &mut self.link else {
            return Poll::Pending;
        };
        let limit = self.limit;
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + limit);
        ready!(link.poll_deadline(cx, deadline));
        Poll::Ready(io::Error::new(
            io::ErrorKind::TimedOut,
            "the destination paused for too long within its answer",
        ))
    }
}

fn room(length: &Length) -> usize {
    let left = length.left().and_then(|left| usize::try_from(left).ok());
    left.unwrap_or(MOST).clamp(LEAST, MOST)
}

fn broken(why: crate::destination::response_head::NotHttp) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let piece = match self.poll_piece(cx) {
            Poll::Ready(piece) => piece,
            Poll::Pending => Err(ready!(self.poll_pause(cx))),
        };
        // The next pause is timed anew.
        self.deadline = None;
        Poll::Ready(match piece {
            Ok(Some(bytes)) => {
                if self.length.is_over() {
                    self.release();
                }
                Some(Ok(Frame::data(bytes)))
            }
            Ok(None) => {
                self.release();
                None
            }
            // It has to reach the client as a connection that breaks off: a short answer must not look whole.
            Err(error) => {
                self.link = None;
                Some(Err(error))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.link.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.length.left() {
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}
