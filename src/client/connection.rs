//! Sends requests over persistent connections. It does not follow redirects: a response is always
//! that of the given address.

use std::time::Duration;

use http::{HeaderValue, uri::PathAndQuery};

use super::{
    http_stream::{Exchange, HttpStream, timed},
    outgoing::{Outgoing, OutgoingRequest},
    response::ResponseSummary,
    send_error::SendError,
};
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

    /// Names this host in each request.
    #[must_use]
    pub fn naming(self, host: HeaderValue) -> Self {
        Self { host, ..self }
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

    fn request(&self, outgoing: Outgoing) -> OutgoingRequest {
        let target = self.target.clone().or(outgoing.target);
        Outgoing { target, ..outgoing }.into_request(&self.host)
    }
}

/// A connection. It opens again if the server closes it between two deliveries.
pub struct Connection<'c> {
    client: &'c Client,
    open: Option<HttpStream>,
}

impl Connection<'_> {
    /// Sends a delivery and reads its response.
    ///
    /// # Errors
    ///
    /// When no connection opens, the timeout ends, or the connection breaks off.
    pub async fn deliver(&mut self, outgoing: Outgoing) -> Result<ResponseSummary, SendError> {
        let response = timed(self.client.timeout, self.exchange(outgoing)).await;
        if response.is_err() {
            self.open = None;
        }
        response
    }

    async fn exchange(&mut self, outgoing: Outgoing) -> Result<ResponseSummary, SendError> {
        let request = self.client.request(outgoing);
        let unsent = match self.open.take() {
            Some(stream) => match self.attempt(stream, request).await? {
                Exchange::Complete(response) => return Ok(response),
                Exchange::Unsent(request) => request,
            },
            None => request,
        };
        let stream = self.open().await?;
        match self.attempt(stream, unsent).await? {
            Exchange::Complete(response) => Ok(response),
            Exchange::Unsent(_) => Err(SendError::Closed),
        }
    }

    async fn open(&self) -> Result<HttpStream, SendError> {
        let connecting = self.client.connector.connect(self.client.timeout);
        HttpStream::open(connecting.await.map_err(SendError::Connect)?).await
    }

    /// Sends a request, and keeps the stream if it got a response.
    async fn attempt(
        &mut self,
        mut stream: HttpStream,
        request: OutgoingRequest,
    ) -> Result<Exchange, SendError> {
        let exchange = stream.exchange(request, self.client.kept_body).await?;
        if matches!(exchange, Exchange::Complete(_)) {
            self.open = Some(stream);
        }
        Ok(exchange)
    }
}
