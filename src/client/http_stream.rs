//! HTTP/1.1 over one open byte stream.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    outgoing::{Outgoing, OutgoingRequest},
    response::ResponseSummary,
    send_error::SendError,
};

/// The host of a delivery that names none.
const LOCALHOST: HeaderValue = HeaderValue::from_static("localhost");

/// A byte stream that speaks HTTP/1.1.
pub(super) struct HttpStream(SendRequest<Full<Bytes>>);

/// The result of an exchange over one stream.
pub(super) enum Exchange {
    Complete(ResponseSummary),
    /// No byte of the request was written.
    Unsent(OutgoingRequest),
}

impl HttpStream {
    /// Starts HTTP/1.1 on a stream that has carried nothing yet.
    pub(super) async fn open(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, SendError> {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(SendError::Broken)?;
        // The sender returns the errors of this task.
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Sends a request. Returns it if nothing was written, because the server may have closed an
    /// idle connection.
    pub(super) async fn exchange(
        &mut self,
        request: OutgoingRequest,
        kept_body: usize,
    ) -> Result<Exchange, SendError> {
        if self.0.ready().await.is_err() {
            return Ok(Exchange::Unsent(request));
        }
        match self.0.try_send_request(request).await {
            Ok(response) => {
                let response = ResponseSummary::read(response, kept_body).await?;
                Ok(Exchange::Complete(response))
            }
            Err(mut failed) => match failed.take_message() {
                Some(request) => Ok(Exchange::Unsent(request)),
                None => Err(SendError::Broken(failed.into_error())),
            },
        }
    }
}

/// Sends one delivery over an open stream, and keeps this number of bytes of the response's body.
/// The delivery itself names its host and its target.
///
/// # Errors
///
/// When the timeout ends, or the stream breaks off.
pub async fn deliver_over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    outgoing: Outgoing,
    timeout: Duration,
    kept_body: usize,
) -> Result<ResponseSummary, SendError> {
    let request = outgoing.into_request(&LOCALHOST);
    let exchange = async {
        let mut stream = HttpStream::open(stream).await?;
        match stream.exchange(request, kept_body).await? {
            Exchange::Complete(response) => Ok(response),
            Exchange::Unsent(_) => Err(SendError::Closed),
        }
    };
    timed(timeout, exchange).await
}

/// Limits the time of an exchange, and adds the time that it took to its response.
pub(super) async fn timed(
    timeout: Duration,
    exchange: impl Future<Output = Result<ResponseSummary, SendError>>,
) -> Result<ResponseSummary, SendError> {
    let begun = Instant::now();
    let response = tokio::time::timeout(timeout, exchange).await;
    response
        .unwrap_or(Err(SendError::TimedOut))
        .map(|response| ResponseSummary {
            took: begun.elapsed(),
            ..response
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    use http::{HeaderMap, Method, StatusCode};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    fn outgoing() -> Outgoing {
        Outgoing {
            method: Method::PUT,
            headers: HeaderMap::new(),
            target: Some("/hooks?a=b".parse().expect("a target")),
            body: Bytes::from_static(b"body"),
        }
    }

    /// Reads the request, and responds with these bytes. Returns the request.
    async fn respond(mut stream: DuplexStream, response: &[u8]) -> String {
        let mut request = Vec::new();
        while !request.ends_with(b"body") {
            let read = stream.read_buf(&mut request).await.expect("readable");
            assert!(read > 0, "the request is complete before its end");
        }
        stream.write_all(response).await.expect("it reads");
        String::from_utf8(request).expect("text")
    }

    #[tokio::test]
    async fn any_stream_carries_a_delivery() {
        let (near, far) = duplex(64);
        let response = b"HTTP/1.1 202 Accepted\r\ncontent-length: 6\r\n\r\nqueued";
        let sending = deliver_over(near, outgoing(), Duration::from_secs(30), 3);
        let (response, request) = tokio::join!(sending, respond(far, response));
        assert!(
            request.starts_with("PUT /hooks?a=b HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(request.contains("host: localhost\r\n"), "{request}");
        let response = response.expect("a response");
        assert_eq!(response.status, StatusCode::ACCEPTED);
        assert_eq!(response.beginning, b"que");
        assert!(response.truncated);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_and_one_that_closes_get_different_errors() {
        let (near, _far) = duplex(1024);
        let silent = deliver_over(near, outgoing(), Duration::from_secs(30), 0).await;
        assert!(matches!(silent, Err(SendError::TimedOut)), "{silent:?}");
        let (near, far) = duplex(1024);
        drop(far);
        let closed = deliver_over(near, outgoing(), Duration::from_secs(30), 0).await;
        let closed = closed.expect_err("no response");
        assert!(!matches!(closed, SendError::TimedOut), "{closed}");
    }
}
