//! The wait for an answer's head: the request is written and the answer read, each as far as it goes, since an app may
//! answer before it has read everything, or instead of it.

use std::{
    io,
    task::{Context, Poll},
};

use http::StatusCode;

use super::attempt::AttemptError;
use crate::destination::{
    connection::Link,
    response_head::{AnswerHead, LONGEST},
};

/// How much there is room for at a time, at the least: nearly every answer is shorter.
const ROOM: usize = 1024;

/// An answer's head that is still to come.
#[derive(Default)]
pub(super) struct Awaited {
    /// How much of what was read holds no end of a head.
    searched: usize,
    /// Bytes of interim responses (RFC 9110, section 15.2).
    interim: usize,
    /// Why the app did not take the rest of the request. It may have answered before, which then counts.
    unwritten: Option<io::Error>,
}

impl Awaited {
    pub(super) fn poll(
        &mut self,
        link: &mut Link,
        cx: &mut Context<'_>,
    ) -> Poll<Result<AnswerHead, AttemptError>> {
        if let Poll::Ready(Err(error)) = link.poll_send(cx) {
            if link.is_unsent() {
                return Poll::Ready(Err(AttemptError::BrokenOff(error)));
            }
            self.unwritten = Some(error);
        }
        loop {
            if let Some(head) = self.take_final(link)? {
                return Poll::Ready(Ok(head));
            }
            let ended = match link.poll_read(cx, ROOM) {
                Poll::Ready(Ok(0)) => closed(),
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => error,
                Poll::Pending => return Poll::Pending,
            };
            let first = self.unwritten.take().unwrap_or(ended);
            return Poll::Ready(Err(AttemptError::BrokenOff(first)));
        }
    }

    /// What it means that no head has come in time.
    pub(super) fn too_late(self, limit: std::time::Duration) -> AttemptError {
        self.unwritten.map_or(
            AttemptError::ResponseTimeout(limit),
            AttemptError::BrokenOff,
        )
    }

    /// Takes the head of the final response. The interim responses before it are bounded by the time limit, and together by
    /// the bytes of one head: an app cannot keep the gate busy with them.
    fn take_final(&mut self, link: &mut Link) -> Result<Option<AnswerHead>, AttemptError> {
        loop {
            let before = link.read.len();
            let Some(head) = AnswerHead::take(&mut link.read, &mut self.searched)? else {
                return Ok(None);
            };
            match head.response.status() {
                StatusCode::SWITCHING_PROTOCOLS => return Err(AttemptError::Upgrade),
                status if status.is_informational() => {}
                _ => return Ok(Some(head)),
            }
            self.interim += before - link.read.len();
            if self.interim > LONGEST {
                return Err(AttemptError::Interim);
            }
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the app has closed it")
}
