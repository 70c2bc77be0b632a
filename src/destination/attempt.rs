//! One try to hand a delivery to its destination: connect or reuse, send, wait for the answer's
//! head. Whether another try follows is for the caller to say; here only what was never written may
//! be sent over a second connection.

use std::{sync::Arc, time::SystemTime};

use http::{Request, Response, StatusCode};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Answer, ConnectError, Destination,
    dress::dress,
    pool::{Link, Pool},
    webhooks::Signer,
};
use crate::{
    delivery::{Attempt, Delivery, DeliveryBody},
    inbox::clock::moment,
    problem::DELIVERY,
    refusal::Failure,
};

/// How long the gate lets a destination's head be.
const HEAD: usize = 64 * 1024;

/// Why a destination gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("no connection within {0:?}")]
    ConnectTimeout(std::time::Duration),
    #[error("no answer within {0:?}")]
    AnswerTimeout(std::time::Duration),
    #[error("the connection broke off before an answer: {0}")]
    BrokenOff(hyper::Error),
    #[error("the answer is not HTTP/1.1 as it should be: {0}")]
    NotHttp(hyper::Error),
    #[error("it wants to change the protocol, which no webhook asks for")]
    Upgrade,
}

impl AttemptError {
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::Connect(ConnectError::Resolve(_)) => Failure::Unresolved,
            Self::Connect(ConnectError::Refused(_)) => Failure::Refused,
            Self::Connect(ConnectError::Tls(_)) => Failure::Tls,
            Self::Connect(ConnectError::Io(_)) => Failure::Unreachable,
            Self::ConnectTimeout(_) => Failure::ConnectTimeout,
            Self::AnswerTimeout(_) => Failure::AnswerTimeout,
            Self::BrokenOff(_) => Failure::BrokenOff,
            Self::NotHttp(_) | Self::Upgrade => Failure::NotHttp,
        }
    }
}

impl From<hyper::Error> for AttemptError {
    fn from(error: hyper::Error) -> Self {
        if error.is_parse() {
            Self::NotHttp(error)
        } else {
            Self::BrokenOff(error)
        }
    }
}

impl Destination {
    /// Hands a delivery over and returns the answer as soon as its head is there.
    ///
    /// # Errors
    ///
    /// When no connection or no answer comes about in time. The destination may have taken the
    /// delivery all the same.
    pub(crate) async fn attempt(
        self: &Arc<Self>,
        worker: usize,
        delivery: Delivery,
    ) -> Result<Response<Answer>, AttemptError> {
        let pool = &self.pools[worker % self.pools.len()];
        let attempt = delivery.about.attempt;
        let mut request = self.request(delivery);
        if let Some(signer) = &self.settings.sign {
            request = sign(signer, request, begins(attempt)).await;
        }
        let begun = Instant::now();
        while let Some(link) = pool.take(begun) {
            match self.send(link, request).await {
                Err(Unsent::Whole(unsent)) => request = *unsent,
                Err(Unsent::Failed(error)) => return Err(error),
                Ok((link, response)) => return self.answer(pool, link, response),
            }
        }
        let link = self.open().await?;
        match self.send(link, request).await {
            Ok((link, response)) => self.answer(pool, link, response),
            Err(Unsent::Failed(error)) => Err(error),
            Err(Unsent::Whole(_)) => Err(ConnectError::Io(closed_at_once()).into()),
        }
    }

    fn request(&self, delivery: Delivery) -> Request<DeliveryBody> {
        let (mut head, about, body) = delivery.into_parts();
        dress(&mut head, about, body.len(), self);
        let mut request = Request::new(body);
        *request.uri_mut() = match self.address.target() {
            Some(target) => target.clone().into(),
            None => origin_form(head.target),
        };
        *request.method_mut() = head.method;
        *request.headers_mut() = head.headers;
        request
    }

    async fn open(&self) -> Result<Link, AttemptError> {
        let limit = self.settings.connect;
        let opened = timeout(limit, async {
            let stream = self.connector.connect().await?;
            let (sender, connection) = http1::Builder::new()
                .max_header_size(HEAD)
                .handshake(TokioIo::new(stream))
                .await?;
            // What it would report, the sender is told too.
            let task = tokio::spawn(connection).abort_handle();
            Ok(Link::new(sender, task))
        });
        opened
            .await
            .unwrap_or(Err(AttemptError::ConnectTimeout(limit)))
    }

    async fn send(
        &self,
        mut link: Link,
        request: Request<DeliveryBody>,
    ) -> Result<(Link, Response<hyper::body::Incoming>), Unsent> {
        let limit = self.settings.answer;
        let sent = timeout_at(
            Instant::now() + limit,
            link.sender.try_send_request(request),
        )
        .await;
        match sent {
            Ok(Ok(response)) => Ok((link, response)),
            Ok(Err(mut error)) => Err(match error.take_message() {
                // hyper gives the request back only if it never began to write it.
                Some(request) => Unsent::Whole(Box::new(request)),
                None => Unsent::Failed(error.into_error().into()),
            }),
            Err(_) => Err(Unsent::Failed(AttemptError::AnswerTimeout(limit))),
        }
    }

    fn answer(
        &self,
        pool: &Pool,
        link: Link,
        response: Response<hyper::body::Incoming>,
    ) -> Result<Response<Answer>, AttemptError> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(AttemptError::Upgrade);
        }
        Ok(response.map(|body| Answer::new(body, link, pool.clone(), self.settings.pause)))
    }
}

/// What became of a request that got no answer.
enum Unsent {
    /// Not a byte of it was written.
    Whole(Box<Request<DeliveryBody>>),
    /// Some of it may have arrived.
    Failed(AttemptError),
}

/// A stored delivery's attempt has its own time, which is the inbox's; a direct one is made as it comes.
fn begins(attempt: Option<Attempt>) -> SystemTime {
    attempt.map_or_else(SystemTime::now, |attempt| moment(attempt.begins))
}

/// Signs it under the id that it carries anyway.
async fn sign(
    signer: &Signer,
    request: Request<DeliveryBody>,
    at: SystemTime,
) -> Request<DeliveryBody> {
    let (mut head, body) = request.into_parts();
    if let Some(id) = head.headers.get(DELIVERY).cloned() {
        signer.sign(&mut head.headers, &id, at, body.chunks()).await;
    }
    Request::from_parts(head, body)
}

/// A client may name the gate in the request line; its destination must not see that name.
fn origin_form(target: http::Uri) -> http::Uri {
    if target.authority().is_none() {
        return target;
    }
    let path = target.into_parts().path_and_query;
    path.map_or_else(|| http::Uri::from_static("/"), http::Uri::from)
}

fn closed_at_once() -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::ConnectionReset,
        "the connection was closed as soon as it was open",
    )
}
