//! One attempt to deliver: connects or reuses a connection, sends the request, and waits for the
//! head of the response. The caller decides about further attempts. A request is sent over a second
//! connection only if no byte of it was written to the first one.

use std::{future::poll_fn, io, task::Poll, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Response};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{
    app::Destination,
    attempt_error::AttemptError,
    connection::{Connection, PendingRequest},
    head_writer::HeadWriter,
    pool::Pool,
    request_headers::request_head,
    response_body::DestinationBody,
    response_future::ResponseFuture,
    response_head::ResponseHead,
    webhooks::Signer,
};
use crate::{
    delivery::{AttemptInfo, Delivery, DeliveryInfo},
    net::connect::ConnectError,
    runtime::{clock::system_time, yield_once::yield_once},
};

impl Destination {
    /// Sends a delivery and returns the response once its head has arrived.
    ///
    /// Writes the head of the request at once, and takes the headers away. The future holds only the
    /// body: the future of the client's request contains it, and is copied several times.
    ///
    /// # Errors
    ///
    /// When no connection opens or no response begins in time. The destination may have accepted
    /// the delivery nevertheless.
    pub(crate) fn attempt(
        &self,
        worker: usize,
        delivery: &mut Delivery,
        begun: Instant,
    ) -> impl Future<Output = Result<Response<DestinationBody>, AttemptError>> + use<'_> {
        let mut head = self.head(delivery);
        let signing = self.settings.sign.as_ref();
        let signing = signing.map(|signer| Signing::new(signer, &delivery.info));
        let (body, mut table) = delivery.body_and_table();
        async move {
            if let Some(signing) = signing {
                // Boxed, because few destinations sign.
                Box::pin(signing.sign(&mut head, body.chunks())).await;
            }
            let request = PendingRequest::new(head.finish(), body);
            // A large body is written at once, while the processor's cache still holds it.
            if !request.is_large() {
                // Yields before a pooled connection is checked: bytes that arrived between the
                // check and the write would be taken for the response.
                yield_once().await;
            }
            self.exchange(worker, request, &mut table, begun).await
        }
    }

    /// Sends a request over a pooled connection or a new one.
    async fn exchange(
        &self,
        worker: usize,
        mut request: PendingRequest,
        table: &mut HeaderMap,
        begun: Instant,
    ) -> Result<Response<DestinationBody>, AttemptError> {
        let pool = &self.pools[worker % self.pools.len()];
        loop {
            let pooled = pool.take(begun);
            let is_pooled = pooled.is_some();
            let (connection, begun) = match pooled {
                Some(connection) => (connection, begun),
                // Boxed, because most requests need no new connection.
                None => (Box::pin(self.open()).await?, Instant::now()),
            };
            match self.send(connection, request, table, begun).await {
                Ok((connection, head)) => return Ok(self.response(pool, connection, head)),
                Err(ExchangeError::NothingWritten(unsent, _)) if is_pooled => request = unsent,
                Err(ExchangeError::NothingWritten(_, error)) => {
                    return Err(ConnectError::Io(error).into());
                }
                Err(ExchangeError::Failed(error)) => return Err(error),
            }
        }
    }

    fn head(&self, delivery: &Delivery) -> HeadWriter {
        let (head, info, length) = (&delivery.head, &delivery.info, delivery.body_len());
        request_head(head, info, length, &self.address, &self.settings)
    }

    async fn open(&self) -> Result<Box<Connection>, AttemptError> {
        let limit = self.settings.connect_timeout;
        match timeout(limit, self.connector.connect(limit)).await {
            Ok(stream) => Ok(Box::new(Connection::new(stream?, &self.settings))),
            Err(_) => Err(AttemptError::ConnectTimeout(limit)),
        }
    }

    async fn send(
        &self,
        mut connection: Box<Connection>,
        request: PendingRequest,
        table: &mut HeaderMap,
        begun: Instant,
    ) -> Result<(Box<Connection>, ResponseHead), ExchangeError> {
        let limit = self.settings.response_timeout;
        let deadline = begun + limit;
        connection.send(request);
        let mut response = ResponseFuture::new(table);
        let head = poll_fn(|cx| match response.poll(&mut connection, cx) {
            Poll::Pending => connection.poll_deadline(cx, deadline).map(|()| None),
            Poll::Ready(head) => Poll::Ready(Some(head)),
        });
        match head.await.unwrap_or_else(|| Err(response.timed_out(limit))) {
            Ok(head) => Ok((connection, head)),
            Err(AttemptError::BrokenOff(error)) => Err(match connection.take_unsent() {
                Some(request) => ExchangeError::NothingWritten(request, error),
                None => ExchangeError::Failed(AttemptError::BrokenOff(error)),
            }),
            Err(error) => Err(ExchangeError::Failed(error)),
        }
    }

    fn response(
        &self,
        pool: &Pool,
        connection: Box<Connection>,
        head: ResponseHead,
    ) -> Response<DestinationBody> {
        if let Some(fault) = &head.fault {
            self.faults
                .report(&self.name, head.response.status(), fault);
        }
        let pool = head.keeps_alive.then(|| pool.clone());
        head.response
            .map(|()| DestinationBody::new(head.decoder, connection, pool))
    }
}

/// The signature of an attempt that is still to be computed.
struct Signing<'a> {
    signer: &'a Signer,
    /// The id, which is the one in X-Cartgate-Delivery.
    id: Uuid,
    at: SystemTime,
}

impl<'a> Signing<'a> {
    fn new(signer: &'a Signer, info: &DeliveryInfo) -> Self {
        Self {
            signer,
            id: info.id,
            at: begun_at(info.attempt.as_ref()),
        }
    }

    /// Adds the signature to the head.
    async fn sign(self, lines: &mut HeadWriter, body: &[Bytes]) {
        let id = self.id.to_string();
        for (name, value) in self.signer.sign(&id, self.at, body).await {
            lines.header(&name, value.as_bytes());
        }
    }
}

/// The reason why a request got no response.
enum ExchangeError {
    /// No byte of it was written, so it may be sent again.
    NothingWritten(PendingRequest, io::Error),
    /// Some of it may have arrived.
    Failed(AttemptError),
}

/// Returns the time of the attempt. For a stored event it comes from the inbox; in direct mode it
/// is now.
pub(super) fn begun_at(attempt: Option<&AttemptInfo>) -> SystemTime {
    attempt.map_or_else(SystemTime::now, |attempt| system_time(attempt.begins))
}
