//! A client's stream as hyper sees it, with an eye on what passes: the first byte of a request, the
//! end of an answer, a client that takes no more bytes. It also keeps hyper's own error answers
//! from the wire, since the gate gives its own.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};

use super::{READ_BUFFER, without_empty_lines};
use crate::{
    net::stream::Stream,
    proxy::{
        shared::Shared,
        state::{ConnectionState, Phase},
    },
};

/// Bytes that a connection reads at a time as part of its own share of memory. hyper's buffer has room for one more, and
/// grows only after a read that fills it.
const FREE_READ: usize = 8 * 1024 - 1;

/// Bytes of a response that may wait in hyper's buffer before that is given up behind the response.
const FREE_WRITE: usize = 16 * 1024;

/// A client's stream.
#[derive(Debug)]
pub(crate) struct ClientIo {
    /// Limited anew before each read that could take more than the connection may hold.
    stream: Take<Stream>,
    /// What was read before, and comes first.
    unread: Bytes,
    state: Arc<ConnectionState>,
    loan: Loan,
    /// Bytes read of the head under way.
    head: usize,
    /// The status of an answer that hyper made by itself.
    withheld: Option<u16>,
    ended: bool,
}

/// Memory for buffers beyond the connection's own share. Given back when dropped.
#[derive(Debug)]
struct Loan {
    shared: Arc<Shared>,
    bytes: u64,
}

impl Loan {
    /// Takes memory for large buffers, if there is some to lend. Once is enough for as long as hyper holds them.
    fn take(&mut self) -> bool {
        if self.bytes == 0 {
            let header = self
                .shared
                .with_config(|config| config.limits.header as u64);
            let wanted = READ_BUFFER.max(header);
            if self.shared.memory.lend(wanted) {
                self.bytes = wanted;
            }
        }
        self.bytes > 0
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.shared.memory.take_back(self.bytes);
    }
}

impl ClientIo {
    pub(crate) fn new(
        stream: Stream,
        unread: Bytes,
        state: Arc<ConnectionState>,
        shared: Arc<Shared>,
    ) -> Self {
        state.renew();
        Self {
            stream: stream.take(0),
            unread,
            state,
            loan: Loan { shared, bytes: 0 },
            head: 0,
            withheld: None,
            ended: false,
        }
    }

    pub(crate) fn withheld(&self) -> Option<u16> {
        self.withheld
    }

    /// Whether the client has closed its side.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn into_stream(self) -> Stream {
        self.stream.into_inner()
    }

    /// How much may be read now; none if a long head finds no memory left.
    fn room(&mut self) -> Option<usize> {
        match self.state.phase() {
            Phase::Head if self.head >= FREE_READ => self.loan.take().then_some(usize::MAX),
            // A body that outgrew its own share pays, and so may its buffers.
            Phase::Body if self.state.held() > 0 && self.loan.take() => Some(usize::MAX),
            _ if self.loan.bytes > 0 => Some(usize::MAX),
            _ => Some(FREE_READ),
        }
    }

    fn note_read(&mut self, read: &[u8]) {
        self.state.read(read.len() as u64);
        match self.state.phase() {
            Phase::Idle if !without_empty_lines(read).is_empty() => {
                self.state.enter(Phase::Head);
                self.head = read.len();
            }
            Phase::Head => self.head += read.len(),
            _ => {}
        }
    }

    /// Between requests and within a head hyper writes one thing only: its own answer to what it
    /// could not parse. The status is in the same place always: `HTTP/1.1 400`.
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
        room: usize,
    ) -> Poll<io::Result<()>> {
        let room = room.min(buf.remaining());
        if self.unread.is_empty() {
            self.stream.set_limit(room as u64);
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let length = self.unread.len().min(room);
        buf.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        Poll::Ready(Ok(()))
    }

    /// Whether hyper has to wait before it reads on. It decodes in one go whatever the socket holds, and
    /// the lines between chunks may be endless.
    fn must_wait(&self, cx: &Context<'_>) -> bool {
        let state = &self.state;
        let wait = state.has_had_its_turn()
            || state.phase() == Phase::Body && state.judge_framing()
            || state.phase() == Phase::Idle && state.has_outgrown();
        if wait {
            // The guard of the body rejects it, or the next turn reads on.
            cx.waker().wake_by_ref();
        }
        wait
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Pending => self.state.stall(),
            Poll::Ready(_) => self.state.progress(),
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
        let Some(room) = self.room() else {
            self.state.evict();
            return Poll::Pending;
        };
        let before = buf.filled().len();
        let result = self.poll_stream(cx, buf, room);
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
            self.state.outgrow();
        }
        let result = Pin::new(self.stream.get_mut()).poll_write(cx, bytes);
        self.wrote(result)
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
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(self.stream.get_mut()).poll_flush(cx);
        match result {
            Poll::Ready(Ok(())) => {
                self.state.progress();
                self.state.flushed();
                if self.state.next_waits() {
                    cx.waker().wake_by_ref();
                }
            }
            // TLS takes a record into its own buffer before the client does.
            Poll::Pending => self.state.stall(),
            Poll::Ready(Err(_)) => {}
        }
        result
    }

    /// hyper is done, but the client may not be: the end of a connection is `linger`'s.
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

    /// Both ends of a connection under TLS.
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

    fn gate() -> Arc<Shared> {
        let config = Arc::new(Config::new(Endpoints::new(Vec::new())));
        Arc::new(Shared::new(config, Arc::default(), None).expect("nothing is kept"))
    }

    /// TLS takes more than the socket does: without a look at the flush, the last of an answer would wait
    /// there for ever.
    #[tokio::test]
    async fn an_answer_that_waits_encrypted_stalls_too() {
        let (_deaf, stream) = pair().await;
        let state = Arc::new(ConnectionState::new());
        state.begin_request();
        let mut watched = ClientIo::new(stream, Bytes::new(), Arc::clone(&state), gate());
        let piece = [0; 16 * 1024];
        poll_fn(|cx| {
            while Pin::new(&mut watched).poll_write(cx, &piece).is_ready() {}
            state.progress();
            assert!(Pin::new(&mut watched).poll_flush(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(state.stalled().is_some());
    }
}
