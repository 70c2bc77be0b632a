//! One try to hand a delivery to its destination: connect or reuse, send, wait for the answer's
//! head. Whether another try follows is for the caller to say; here only what was never written may
//! be sent over a second connection.

use std::{future::poll_fn, io, sync::Arc, task::Poll, time::SystemTime};

use http::Response;
use tokio::time::{Instant, timeout};

use super::{Answer, Destination, pool::Pool};
use crate::{
    delivery::{AttemptInfo, Delivery},
    destination::{
        connection::{Link, Sending},
        request_headers::dress,
        response_future::Awaited,
        response_head::{AnswerHead, NotHttp},
    },
    net::connect::ConnectError,
    outcome::reject_reason::{AttemptFailure, RejectReason},
    runtime::{clock::system_time, yield_once::yield_once},
};

/// Why a destination gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("no connection within {0:?}")]
    ConnectTimeout(std::time::Duration),
    #[error("no answer within {0:?}")]
    ResponseTimeout(std::time::Duration),
    #[error("the connection broke off before an answer: {0}")]
    BrokenOff(io::Error),
    #[error("the response is not HTTP/1.1: {0}")]
    NotHttp(#[from] NotHttp),
    #[error("it wants to change the protocol, which no webhook asks for")]
    Upgrade,
    #[error("it sends interim responses without end")]
    Interim,
}

impl AttemptError {
    pub(crate) fn failure(&self) -> AttemptFailure {
        match self {
            Self::Connect(ConnectError::Resolve(_)) => AttemptFailure::Unresolved,
            Self::Connect(ConnectError::Refused(_)) => AttemptFailure::Refused,
            Self::Connect(ConnectError::Tls(_)) => AttemptFailure::Tls,
            Self::Connect(ConnectError::Io(_)) => AttemptFailure::Unreachable,
            Self::ConnectTimeout(_) => AttemptFailure::ConnectTimeout,
            Self::ResponseTimeout(_) => AttemptFailure::ResponseTimeout,
            Self::BrokenOff(_) => AttemptFailure::BrokenOff,
            Self::NotHttp(_) | Self::Upgrade | Self::Interim => AttemptFailure::NotHttp,
        }
    }
}

impl From<&AttemptError> for RejectReason {
    fn from(error: &AttemptError) -> Self {
        Self::Destination(error.failure())
    }
}

impl Destination {
    /// Hands a delivery over and returns the answer as soon as its head is there.
    ///
    /// # Errors
    ///
    /// When no connection or no answer comes info in time. The destination may have taken the
    /// delivery all the same.
    pub(crate) async fn attempt(
        self: &Arc<Self>,
        worker: usize,
        delivery: Delivery,
        begun: Instant,
    ) -> Result<Response<Answer>, AttemptError> {
        let pool = &self.pools[worker % self.pools.len()];
        let mut request = self.request(delivery).await;
        // Before a connection is looked at: what comes over it in between would be taken for the answer.
        yield_once().await;
        while let Some(link) = pool.take(begun) {
            match self.send(link, request, begun).await {
                Ok((link, head)) => return Ok(self.answer(pool, link, head)),
                Err(Unsent::Whole(unsent, _)) => request = unsent,
                Err(Unsent::Failed(error)) => return Err(error),
            }
        }
        let link = self.open().await?;
        match self.send(link, request, Instant::now()).await {
            Ok((link, head)) => Ok(self.answer(pool, link, head)),
            Err(Unsent::Whole(_, error)) => Err(ConnectError::Io(error).into()),
            Err(Unsent::Failed(error)) => Err(error),
        }
    }

    async fn request(&self, delivery: Delivery) -> Sending {
        let (head, info, body) = delivery.into_parts();
        let mut lines = dress(&head, &info, body.len(), self);
        if let Some(signer) = &self.settings.sign {
            // Under the id that it carries anyway.
            let id = info.id.to_string();
            let at = begins(info.attempt.as_ref());
            let headers = signer.sign(&id, at, body.chunks()).await;
            for (name, value) in headers {
                lines.line(&name, value.as_bytes());
            }
        }
        Sending::new(lines.end(), body)
    }

    async fn open(&self) -> Result<Link, AttemptError> {
        let limit = self.settings.connect;
        match timeout(limit, self.connector.connect(limit)).await {
            Ok(stream) => Ok(Link::new(stream?, self.settings.age)),
            Err(_) => Err(AttemptError::ConnectTimeout(limit)),
        }
    }

    async fn send(
        &self,
        mut link: Link,
        request: Sending,
        begun: Instant,
    ) -> Result<(Link, AnswerHead), Unsent> {
        let limit = self.settings.answer;
        let deadline = begun + limit;
        link.send(request);
        let mut awaited = Awaited::default();
        let head = poll_fn(|cx| match awaited.poll(&mut link, cx) {
            Poll::Pending => link.poll_deadline(cx, deadline).map(|()| None),
            Poll::Ready(head) => Poll::Ready(Some(head)),
        });
        match head.await.unwrap_or_else(|| Err(awaited.too_late(limit))) {
            Ok(head) => Ok((link, head)),
            Err(AttemptError::BrokenOff(error)) => Err(match link.take_unsent() {
                Some(request) => Unsent::Whole(request, error),
                None => Unsent::Failed(AttemptError::BrokenOff(error)),
            }),
            Err(error) => Err(Unsent::Failed(error)),
        }
    }

    fn answer(&self, pool: &Pool, link: Link, head: AnswerHead) -> Response<Answer> {
        if let Some(fault) = &head.fault {
            self.faults
                .report(&self.name, head.response.status(), fault);
        }
        let pool = head.keeps_alive.then(|| pool.clone());
        let pause = self.settings.pause;
        head.response
            .map(|()| Answer::new(head.length, link, pool, pause))
    }
}

/// What became of a request that got no answer.
enum Unsent {
    /// Not a byte of it was written.
    Whole(Sending, io::Error),
    /// Some of it may have arrived.
    Failed(AttemptError),
}

/// A stored delivery's attempt has its own time, which is the inbox's; a direct one is made as it comes.
fn begins(attempt: Option<&AttemptInfo>) -> SystemTime {
    attempt.map_or_else(SystemTime::now, |attempt| system_time(attempt.begins))
}
