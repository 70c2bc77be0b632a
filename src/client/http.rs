//! Sends a request and takes the answer, over connections that are kept. Redirects are not
//! followed: an answer is what the named address said.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::outgoing::Outgoing;

use crate::{
    net::{
        address::Address,
        connect::{ConnectError, Connector, ConnectorError, Trust},
    },
    text::terminal::printable,
};

/// So much of an answer's body is kept, unless more is asked for; the rest is read and dropped.
const KEPT_OF_AN_ANSWER: usize = 4 * 1024;

/// One address to send to.
pub struct Client {
    connector: Connector,
    host: HeaderValue,
    target: Option<PathAndQuery>,
    timeout: Duration,
    kept: usize,
}

impl Client {
    /// A client for an address without a connection yet. `timeout` is for one delivery with all
    /// that it needs.
    ///
    /// # Errors
    /// [`ConnectorError`] when an `https` address cannot be verified.
    pub fn new(
        address: &Address,
        trust: &Trust,
        timeout: Duration,
    ) -> Result<Self, ConnectorError> {
        Ok(Self {
            connector: Connector::new(address, trust)?,
            host: address.host().clone(),
            target: address.target().cloned(),
            timeout,
            kept: KEPT_OF_AN_ANSWER,
        })
    }

    /// The same, with another target than the address names.
    #[must_use]
    pub fn to(self, target: PathAndQuery) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    /// The same, keeping so many bytes of each answer's body.
    #[must_use]
    pub fn keeping(self, kept: usize) -> Self {
        Self { kept, ..self }
    }

    /// A connection, opened by its first delivery.
    #[must_use]
    pub fn connection(&self) -> Connection<'_> {
        Connection {
            client: self,
            open: None,
        }
    }

    fn request(&self, outgoing: Outgoing) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(outgoing.body));
        *request.method_mut() = outgoing.method;
        let target = self.target.clone().or(outgoing.target);
        *request.uri_mut() = target
            .unwrap_or_else(|| PathAndQuery::from_static("/"))
            .into();
        *request.headers_mut() = outgoing.headers;
        request
            .headers_mut()
            .entry(HOST)
            .or_insert_with(|| self.host.clone());
        request
    }
}

/// One connection, opened again when the other side closed it between two deliveries.
pub struct Connection<'c> {
    client: &'c Client,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection<'_> {
    /// Sends a delivery and takes its answer.
    ///
    /// # Errors
    /// [`NoAnswer`]: nobody listens, the time is up, or the connection broke off.
    pub async fn deliver(&mut self, outgoing: Outgoing) -> Result<Answer, NoAnswer> {
        let begun = Instant::now();
        let answer = tokio::time::timeout(self.client.timeout, self.exchange(outgoing)).await;
        let answer = answer.unwrap_or(Err(NoAnswer::TimedOut));
        if answer.is_err() {
            self.open = None;
        }
        answer.map(|answer| Answer {
            took: begun.elapsed(),
            ..answer
        })
    }

    async fn exchange(&mut self, outgoing: Outgoing) -> Result<Answer, NoAnswer> {
        let request = self.client.request(outgoing);
        let unsent = match self.open.take() {
            Some(sender) => match self.attempt(sender, request).await? {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Unsent(request) => request,
            },
            None => request,
        };
        let sender = self.open().await?;
        match self.attempt(sender, unsent).await? {
            Attempt::Answered(answer) => Ok(answer),
            Attempt::Unsent(_) => Err(NoAnswer::Closed),
        }
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, NoAnswer> {
        let stream = self
            .client
            .connector
            .connect(self.client.timeout)
            .await
            .map_err(NoAnswer::Connect)?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(NoAnswer::Broken)?;
        // Its errors come back through the sender.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// A request of which nothing was written comes back: a kept connection may have been closed
    /// meanwhile.
    async fn attempt(
        &mut self,
        mut sender: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> Result<Attempt, NoAnswer> {
        if sender.ready().await.is_err() {
            return Ok(Attempt::Unsent(request));
        }
        match sender.try_send_request(request).await {
            Ok(response) => {
                let answer = Answer::read(response, self.client.kept).await?;
                self.open = Some(sender);
                Ok(Attempt::Answered(answer))
            }
            Err(mut failed) => match failed.take_message() {
                Some(request) => Ok(Attempt::Unsent(request)),
                None => Err(NoAnswer::Broken(failed.into_error())),
            },
        }
    }
}

enum Attempt {
    Answered(Answer),
    Unsent(Request<Full<Bytes>>),
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The beginning of its body.
    pub beginning: Vec<u8>,
    /// From the first step to the last byte.
    pub took: Duration,
}

impl Answer {
    async fn read(response: Response<Incoming>, kept: usize) -> Result<Self, NoAnswer> {
        let (head, mut body) = response.into_parts();
        let mut beginning = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(NoAnswer::Broken)?.into_data() else {
                continue;
            };
            let room = kept - beginning.len();
            beginning.extend_from_slice(&data[..data.len().min(room)]);
        }
        Ok(Self {
            status: head.status,
            headers: head.headers,
            beginning,
            took: Duration::ZERO,
        })
    }

    /// The id under which the gate logged the delivery.
    #[must_use]
    pub fn delivery_id(&self) -> Option<String> {
        self.headers
            .get("x-cartgate-delivery")
            .map(|id| printable(id.as_bytes()))
    }

    /// Whether a gate answered by itself; what it answers so comes with this mark.
    #[must_use]
    pub fn is_the_gates_own(&self) -> bool {
        let mark = self.headers.get("proxy-status");
        mark.is_some_and(|status| status.as_bytes().starts_with(b"cartgate"))
    }

    /// Whether a gate passed on what an app behind it answered.
    #[must_use]
    pub fn is_from_behind_a_gate(&self) -> bool {
        self.headers.contains_key("x-cartgate-delivery") && !self.is_the_gates_own()
    }

    /// The first lines of the body, safe to show on a terminal.
    #[must_use]
    pub fn first_lines(&self, most: usize) -> Vec<String> {
        let lines = self.beginning.split(|&byte| byte == b'\n');
        let mut lines: Vec<_> = lines.take(most).map(printable).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoAnswer {
    /// No connection came about.
    #[error("no connection: {0}")]
    Connect(ConnectError),
    /// The delivery's time is up.
    #[error("no answer in time")]
    TimedOut,
    /// The other side closed a fresh connection at once.
    #[error("the connection was closed at once")]
    Closed,
    /// The connection broke off.
    #[error("the connection broke off: {0}")]
    Broken(hyper::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &'static str)]) -> Answer {
        let mut map = HeaderMap::new();
        for &(name, value) in headers {
            map.insert(name, HeaderValue::from_static(value));
        }
        Answer {
            status: StatusCode::OK,
            headers: map,
            beginning: b"one\ntwo\n\n\n".to_vec(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn the_gates_own_answers_are_told_from_those_passed_on() {
        let own = answer(&[
            ("x-cartgate-delivery", "1"),
            ("proxy-status", "cartgate; error=http_request_denied"),
        ]);
        assert!(own.is_the_gates_own() && !own.is_from_behind_a_gate());
        let passed_on = answer(&[("x-cartgate-delivery", "1")]);
        assert!(passed_on.is_from_behind_a_gate() && !passed_on.is_the_gates_own());
        let plain = answer(&[("proxy-status", "other; error=x")]);
        assert!(!plain.is_from_behind_a_gate() && !plain.is_the_gates_own());
    }

    #[test]
    fn first_lines_end_with_text() {
        assert_eq!(answer(&[]).first_lines(9), ["one", "two"]);
        assert_eq!(answer(&[]).first_lines(1), ["one"]);
    }
}
