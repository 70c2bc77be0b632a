//! The wait for the head of a response. It writes the request and reads the response at the same
//! time, because an app may respond before it has read everything, or instead of reading it.

use std::{
    io,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, StatusCode};

use super::{
    attempt_error::AttemptError,
    connection::Connection,
    response_head::{MAX_HEAD, ResponseHead},
};

/// The minimum room for a read. Nearly every response is shorter.
const READ_ROOM: usize = 1024;

/// The head of a response that has not arrived yet.
pub(super) struct ResponseFuture<'a> {
    /// The empty table for its headers.
    table: &'a mut HeaderMap,
    /// The number of bytes that were searched for the end of the head.
    searched: usize,
    /// The bytes of interim responses (RFC 9110, section 15.2).
    interim: usize,
    /// The error with which the app stopped reading the request. A response that it sent before
    /// still counts.
    write_error: Option<io::Error>,
}

impl<'a> ResponseFuture<'a> {
    /// Waits for the head of a response, whose headers will fill `table`.
    pub(super) fn new(table: &'a mut HeaderMap) -> Self {
        Self {
            table,
            searched: 0,
            interim: 0,
            write_error: None,
        }
    }

    pub(super) fn poll(
        &mut self,
        connection: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, AttemptError>> {
        if let Poll::Ready(Err(error)) = connection.poll_send(cx) {
            if connection.is_unsent() {
                return Poll::Ready(Err(AttemptError::BrokenOff(error)));
            }
            self.write_error = Some(error);
        }
        loop {
            if let Some(head) = self.take_final(connection)? {
                return Poll::Ready(Ok(head));
            }
            let read_error = match connection.poll_read(cx, READ_ROOM) {
                Poll::Ready(Ok(0)) => closed(),
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => error,
                Poll::Pending => return Poll::Pending,
            };
            let first = self.write_error.take().unwrap_or(read_error);
            return Poll::Ready(Err(AttemptError::BrokenOff(first)));
        }
    }

    /// Returns the error for a head that did not arrive in time.
    pub(super) fn timed_out(self, limit: Duration) -> AttemptError {
        self.write_error.map_or(
            AttemptError::ResponseTimeout(limit),
            AttemptError::BrokenOff,
        )
    }

    /// Takes the head of the final response. The timeout limits the interim responses before it,
    /// and together they may have the size of one head, so that an app cannot keep the gate busy
    /// with them.
    fn take_final(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Option<ResponseHead>, AttemptError> {
        loop {
            let before = connection.read.len();
            let (read, searched) = (&mut connection.read, &mut self.searched);
            let Some(head) = ResponseHead::take(read, searched, self.table)? else {
                return Ok(None);
            };
            match head.response.status() {
                StatusCode::SWITCHING_PROTOCOLS => return Err(AttemptError::Upgrade),
                status if status.is_informational() => {}
                _ => return Ok(Some(head)),
            }
            self.interim += before - connection.read.len();
            if self.interim > MAX_HEAD {
                return Err(AttemptError::TooManyInterim);
            }
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the app closed the connection",
    )
}
