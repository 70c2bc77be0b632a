//! The wait for an answer's head: the request is written and the answer read, each as far as it goes, since an app may
//! answer before it has read everything, or instead of it.

use std::{
    io,
    task::{Context, Poll},
};

use http::StatusCode;

use super::{answer_head::AnswerHead, attempt::AttemptError, link::Link};

/// How much there is room for at a time, at the least: nearly every answer is shorter.
const ROOM: usize = 1024;

/// Answers that only say that the proper one is still to come (RFC 9110, section 15.2). More of them would hold a delivery
/// for as long as an app likes.
const MOST_INTERIM: usize = 16;

/// An answer's head that is still to come.
#[derive(Default)]
pub(super) struct Awaited {
    /// How much of what was read holds no end of a head.
    searched: usize,
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
            while let Some(head) = AnswerHead::take(&mut link.read, &mut self.searched)? {
                if let Some(head) = self.proper(head)? {
                    return Poll::Ready(Ok(head));
                }
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
        self.unwritten
            .map_or(AttemptError::AnswerTimeout(limit), AttemptError::BrokenOff)
    }

    fn proper(&mut self, head: AnswerHead) -> Result<Option<AnswerHead>, AttemptError> {
        match head.response.status() {
            StatusCode::SWITCHING_PROTOCOLS => Err(AttemptError::Upgrade),
            status if status.is_informational() && self.interim == MOST_INTERIM => {
                Err(AttemptError::Interim)
            }
            status if status.is_informational() => {
                self.interim += 1;
                Ok(None)
            }
            _ => Ok(Some(head)),
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the app has closed it")
}
