//! A client's stream as hyper sees it.
//!
//! It notes what passes: the first byte of a request, the end of a response, a client that takes no
//! more bytes. It also withholds hyper's own error responses, since the gate sends its own.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};

use super::empty_lines::without_empty_lines;
use crate::{
    net::stream::Stream,
    proxy::{
        admission::memory::Loan,
        shared::Shared,
        state::{ConnectionState, Phase, READ_BUFFER},
    },
};

/// The bytes that a connection reads at a time as part of its own share of memory. hyper's buffer
/// has room for one more, and grows only after a read that fills it.
const FREE_READ: usize = 8 * 1024 - 1;

/// The bytes of a response that may wait in hyper's buffer without its memory being freed after the
/// response.
const FREE_WRITE: usize = 16 * 1024;

/// A client's stream.
#[derive(Debug)]
pub(super) struct ClientIo {
    /// Limited again before each read.
    stream: Take<Stream>,
    /// Bytes that were read before, and come first.
    unread: Bytes,
    state: Arc<ConnectionState>,
    shared: Arc<Shared>,
    /// Memory for buffers beyond the connection's own share.
    loan: Option<Loan>,
    /// Bytes of the present head.
    head: usize,
    /// The status of a withheld response of hyper.
    withheld: Option<u16>,
    ended: bool,
}

impl ClientIo {
    pub(super) fn new(
        stream: Stream,
        unread: Bytes,
        state: &Arc<ConnectionState>,
        shared: &Arc<Shared>,
    ) -> Self {
        state.set_large_buffer(false);
        Self {
            stream: stream.take(0),
            unread,
            state: Arc::clone(state),
            shared: Arc::clone(shared),
            loan: None,
            head: 0,
            withheld: None,
            ended: false,
        }
    }

    /// Returns the status of an error response that hyper made and that was withheld.
    pub(super) fn withheld(&self) -> Option<u16> {
        self.withheld
    }

    /// Whether the client has closed its side.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn into_stream(self) -> Stream {
        self.stream.into_inner()
    }

    /// Returns the number of bytes that may be read now; none if there is no memory for a long
    /// head.
    fn read_limit(&mut self) -> Option<usize> {
        match self.state.phase() {
            Phase::Head if self.head >= FREE_READ => self.borrow().then_some(usize::MAX),
            // A body beyond its connection's share holds memory of the budget, so its buffers may,
            // too.
            Phase::Body if self.state.held() > 0 && self.borrow() => Some(usize::MAX),
            _ if self.loan.is_some() => Some(usize::MAX),
            _ => Some(FREE_READ),
        }
    }

    /// Borrows memory for large buffers, if there is some to lend. One loan lasts as long as hyper
    /// has the buffers.
    fn borrow(&mut self) -> bool {
        if self.loan.is_none() {
            let header = self.shared.with_config(|config| config.limits.header);
            self.loan = self.shared.memory.lend(READ_BUFFER.max(header as u64));
        }
        self.loan.is_some()
    }

    fn note_read(&mut self, read: &[u8]) {
        self.state.count_read(read.len() as u64);
        match self.state.phase() {
            Phase::Idle if !without_empty_lines(read).is_empty() => {
                self.state.enter(Phase::Head);
                self.head = read.len();
            }
            Phase::Head => self.head += read.len(),
            _ => {}
        }
    }

    /// Withholds hyper's own response to a request that it could not parse. hyper writes nothing
    /// else between requests and within a head. The status is always in the same place: `HTTP/1.1
    /// 400`.
    fn withhold(&mut self, bytes: &[u8]) -> bool {
        let own = matches!(self.state.phase(), Phase::Idle | Phase::Head);
        if own && self.withheld.is_none() {
            let status = bytes
                .get(9..12)
                .and_then(|code| std::str::from_utf8(code).ok());
            self.withheld = Some(status.and_then(|code| code.parse().ok()).unwrap_or(400));
        }
        own
    }

    fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        limit: usize,
    ) -> Poll<io::Result<()>> {
        let limit = limit.min(buf.remaining());
        if self.unread.is_empty() {
            self.stream.set_limit(limit as u64);
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let length = self.unread.len().min(limit);
        buf.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        Poll::Ready(Ok(()))
    }

    /// Whether hyper has to wait before it reads on. It decodes all that the socket holds at once,
    /// and the lines between chunks may be endless.
    fn must_wait(&self, cx: &Context<'_>) -> bool {
        let state = &self.state;
        let wait = state.has_read_its_share()
            || state.phase() == Phase::Body && state.check_framing()
            || state.phase() == Phase::Idle && state.has_large_buffer();
        if wait {
            // The body guard rejects the request, or the next poll reads on.
            cx.waker().wake_by_ref();
        }
        wait
    }

    fn note_write(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Pending => self.state.stall(),
            Poll::Ready(_) => self.state.end_stall(),
        }
        result
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.must_wait(cx) {
            return Poll::Pending;
        }
        let Some(limit) = self.read_limit() else {
            self.state.evict();
            return Poll::Pending;
        };
        let before = buf.filled().len();
        let result = self.poll_stream(cx, buf, limit);
        if matches!(result, Poll::Ready(Ok(()))) {
            let ended = buf.filled().len() == before && buf.remaining() > 0;
            self.ended |= ended;
            self.note_read(&buf.filled()[before..]);
        }
        result
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.withhold(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        if bytes.len() > FREE_WRITE {
            self.state.set_large_buffer(true);
        }
        let result = Pin::new(self.stream.get_mut()).poll_write(cx, bytes);
        self.note_write(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.withhold(parts.first().map_or(&[], |part| part)) {
            return Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()));
        }
        let result = Pin::new(self.stream.get_mut()).poll_write_vectored(cx, parts);
        self.note_write(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(self.stream.get_mut()).poll_flush(cx);
        match result {
            Poll::Ready(Ok(())) => {
                self.state.end_stall();
                self.state.flushed();
                if self.state.has_next_request() {
                    cx.waker().wake_by_ref();
                }
            }
            // TLS takes a record into its own buffer before the client takes it.
            Poll::Pending => self.state.stall(),
            Poll::Ready(Err(_)) => {}
        }
        result
    }

    /// Does nothing: the client may not be done yet, and `linger` ends the connection.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::future::poll_fn;

    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::{TlsAcceptor, TlsConnector, client};

    use crate::{
        endpoint::Endpoints,
        net::{stream::HandshakeStream, test_tls},
        proxy::config::Config,
    };

    /// Returns both ends of a TLS connection.
    async fn pair() -> (client::TlsStream<TcpStream>, Stream) {
        let (client, server) = test_tls::configs();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("an address");
        let near = TcpStream::connect(address).await.expect("a connection");
        let (far, _) = listener.accept().await.expect("a connection");
        let connector = TlsConnector::from(Arc::new(client));
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let far = HandshakeStream::new(far);
        let (near, far) = tokio::join!(
            connector.connect(test_tls::name(), near),
            acceptor.accept(far)
        );
        let far = Stream::ServerTls(Box::new(far.expect("a handshake")));
        (near.expect("a handshake"), far)
    }

    fn shared() -> Arc<Shared> {
        let config = Arc::new(Config::new(Endpoints::new(Vec::new())));
        Arc::new(Shared::new(config, Arc::default(), None).expect("no directory is needed"))
    }

    /// TLS takes more bytes than the socket. If only writes counted, the end of a response could
    /// wait in its buffer for ever.
    #[tokio::test]
    async fn an_answer_that_waits_encrypted_stalls_too() {
        let (_deaf, stream) = pair().await;
        let state = Arc::new(ConnectionState::new());
        state.begin_request();
        let mut io = ClientIo::new(stream, Bytes::new(), &state, &shared());
        let piece = [0; 16 * 1024];
        poll_fn(|cx| {
            while Pin::new(&mut io).poll_write(cx, &piece).is_ready() {}
            state.end_stall();
            assert!(Pin::new(&mut io).poll_flush(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(state.stalled().is_some());
    }
}
