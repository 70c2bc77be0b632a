//! One attempt to deliver: connects or reuses a connection, sends the request, and waits for the
//! head of the response. The caller decides about further attempts. A request is sent over a second
//! connection only if no byte of it was written to the first one.

use std::{future::poll_fn, io, sync::Arc, task::Poll, time::SystemTime};

use http::{HeaderMap, Response};
use tokio::time::{Instant, timeout};

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
    delivery::{AttemptInfo, Delivery},
    net::connect::ConnectError,
    runtime::{clock::system_time, yield_once::yield_once},
};

impl Destination {
    /// Sends a delivery and returns the response once its head has arrived.
    ///
    /// # Errors
    ///
    /// When no connection opens or no response begins in time. The destination may have accepted
    /// the delivery nevertheless.
    pub(crate) async fn attempt(
        self: &Arc<Self>,
        worker: usize,
        delivery: Delivery,
        begun: Instant,
    ) -> Result<Response<DestinationBody>, AttemptError> {
        let pool = &self.pools[worker % self.pools.len()];
        let mut head = self.head(&delivery);
        if let Some(signer) = &self.settings.sign {
            sign(&mut head, signer, &delivery).await;
        }
        let (body, mut table) = delivery.into_body_and_table();
        let mut request = PendingRequest::new(head.finish(), body);
        // A large body is written at once, while the processor's cache still holds it.
        if !request.is_large() {
            // Yields before a pooled connection is checked: bytes that arrived between the check
            // and the write would be taken for the response.
            yield_once().await;
        }
        while let Some(connection) = pool.take(begun) {
            match self.send(connection, request, &mut table, begun).await {
                Ok((connection, head)) => return Ok(self.response(pool, connection, head)),
                Err(ExchangeError::NothingWritten(unsent, _)) => request = unsent,
                Err(ExchangeError::Failed(error)) => return Err(error),
            }
        }
        let connection = self.open().await?;
        match self
            .send(connection, request, &mut table, Instant::now())
            .await
        {
            Ok((connection, head)) => Ok(self.response(pool, connection, head)),
            Err(ExchangeError::NothingWritten(_, error)) => Err(ConnectError::Io(error).into()),
            Err(ExchangeError::Failed(error)) => Err(error),
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

/// Adds the signature of an attempt to its head.
async fn sign(lines: &mut HeadWriter, signer: &Signer, delivery: &Delivery) {
    let info = &delivery.info;
    // The id is the one in X-Cartgate-Delivery.
    let id = info.id.to_string();
    let at = begun_at(info.attempt.as_ref());
    let headers = signer.sign(&id, at, delivery.body_chunks()).await;
    for (name, value) in headers {
        lines.header(&name, value.as_bytes());
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
