//! A destination's answer on its way back, passed on as it comes. Read to its end, its connection
//! goes back to the pool once the delivery was written to its end, too; let go before, it is closed.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, timeout};

use super::pool::{Link, Pool};

/// The body of a destination's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Incoming,
    connection: Option<(Link, Pool)>,
    limit: Duration,
    /// Runs while the answer pauses.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(super) fn new(body: Incoming, link: Link, pool: Pool, limit: Duration) -> Self {
        let connection = Some((link, pool));
        let mut answer = Self {
            body,
            connection,
            limit,
            pause: None,
        };
        if answer.body.is_end_stream() {
            answer.release();
        }
        answer
    }

    /// The answer is whole. An app may answer before it has read the delivery to its end: it gets as
    /// long for the rest as for a pause, and no longer, since the delivery's memory is held for it.
    fn release(&mut self) {
        let Some((mut link, pool)) = self.connection.take() else {
            return;
        };
        if link.is_ready() {
            pool.give(link);
            return;
        }
        let limit = self.limit;
        tokio::spawn(async move {
            if let Ok(Ok(())) = timeout(limit, link.ready()).await {
                pool.give(link);
            }
        });
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let limit = self.limit;
        let pause = self
            .pause
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(pause.as_mut().poll(cx));
        Poll::Ready(io::Error::new(
            io::ErrorKind::TimedOut,
            "the destination paused for too long within its answer",
        ))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_pause(cx).map(|error| Some(Err(error)));
        };
        // The next pause is timed anew.
        self.pause = None;
        if frame.is_none() || self.body.is_end_stream() {
            self.release();
        }
        // An error has to reach the client as a connection that breaks off: a short answer must not
        // look whole.
        Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
