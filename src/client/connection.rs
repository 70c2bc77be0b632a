//! Sends requests over persistent connections. It does not follow redirects: a response is always
//! that of the given address.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, header::HOST, uri::PathAndQuery};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::{outgoing::Outgoing, response::ResponseSummary, send_error::SendError};
use crate::net::{
    connect::{Connector, ConnectorError, Trust},
    destination_address::Address,
};

/// The default number of body bytes that are kept of a response. Further ones are read and dropped.
const KEPT_BODY: usize = 4 * 1024;

/// Sends to one address.
pub struct Client {
    connector: Connector,
    host: HeaderValue,
    target: Option<PathAndQuery>,
    timeout: Duration,
    kept_body: usize,
}

impl Client {
    /// Creates a client without a connection. `timeout` covers one delivery, including its
    /// connection.
    ///
    /// # Errors
    ///
    /// When an `https` address cannot be verified.
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
            kept_body: KEPT_BODY,
        })
    }

    /// Replaces the target of the address.
    #[must_use]
    pub fn to(self, target: PathAndQuery) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    /// Ignores the target of the address, so that each request has its own.
    #[must_use]
    pub fn without_target(self) -> Self {
        Self {
            target: None,
            ..self
        }
    }

    /// Keeps this number of bytes of each response's body.
    #[must_use]
    pub fn keeping(self, kept_body: usize) -> Self {
        Self { kept_body, ..self }
    }

    /// Creates a connection. Its first delivery opens it.
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

/// A connection. It opens again if the server closes it between two deliveries.
pub struct Connection<'c> {
    client: &'c Client,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection<'_> {
    /// Sends a delivery and reads its response.
    ///
    /// # Errors
    ///
    /// When no connection opens, the timeout ends, or the connection breaks off.
    pub async fn deliver(&mut self, outgoing: Outgoing) -> Result<ResponseSummary, SendError> {
        let begun = Instant::now();
        let response = tokio::time::timeout(self.client.timeout, self.exchange(outgoing)).await;
        let response = response.unwrap_or(Err(SendError::TimedOut));
        if response.is_err() {
            self.open = None;
        }
        response.map(|response| ResponseSummary {
            took: begun.elapsed(),
            ..response
        })
    }

    async fn exchange(&mut self, outgoing: Outgoing) -> Result<ResponseSummary, SendError> {
        let request = self.client.request(outgoing);
        let unsent = match self.open.take() {
            Some(sender) => match self.attempt(sender, request).await? {
                Exchange::Complete(response) => return Ok(response),
                Exchange::Unsent(request) => request,
            },
            None => request,
        };
        let sender = self.open().await?;
        match self.attempt(sender, unsent).await? {
            Exchange::Complete(response) => Ok(response),
            Exchange::Unsent(_) => Err(SendError::Closed),
        }
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, SendError> {
        let stream = self
            .client
            .connector
            .connect(self.client.timeout)
            .await
            .map_err(SendError::Connect)?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(SendError::Broken)?;
        // The sender returns the errors of this task.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Sends a request. Returns it if nothing was written, because the server may have closed an
    /// idle connection.
    async fn attempt(
        &mut self,
        mut sender: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> Result<Exchange, SendError> {
        if sender.ready().await.is_err() {
            return Ok(Exchange::Unsent(request));
        }
        match sender.try_send_request(request).await {
            Ok(response) => {
                let response = ResponseSummary::read(response, self.client.kept_body).await?;
                self.open = Some(sender);
                Ok(Exchange::Complete(response))
            }
            Err(mut failed) => match failed.take_message() {
                Some(request) => Ok(Exchange::Unsent(request)),
                None => Err(SendError::Broken(failed.into_error())),
            },
        }
    }
}

/// The result of an exchange over one connection.
enum Exchange {
    Complete(ResponseSummary),
    /// No byte of the request was written.
    Unsent(Request<Full<Bytes>>),
}
