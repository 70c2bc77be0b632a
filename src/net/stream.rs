//! A byte stream over TCP, TLS or a Unix socket, as one type. It passes all calls on.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::{client, server};

#[cfg(test)]
use super::pipe::Pipe;

/// An open connection.
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// TLS with a client of the gate. It is boxed, because a session is a hundred times as large as
    /// a socket.
    ServerTls(Box<server::TlsStream<HandshakeStream>>),
    /// TLS with a destination.
    ClientTls(Box<client::TlsStream<TcpStream>>),
    /// A Unix socket.
    Unix(UnixStream),
    /// A pipe in memory, for simulations.
    #[cfg(test)]
    Pipe(Pipe),
}

impl Stream {
    /// Returns the user that opened the other end of a Unix socket.
    pub(crate) fn peer_uid(&self) -> Option<u32> {
        match self {
            Self::Unix(io) => io.peer_cred().ok().map(|peer| peer.uid()),
            _ => None,
        }
    }

    /// Completes when bytes or the end of the stream can be read.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(io) => io.poll_read_ready(cx),
            Self::ClientTls(io) => match io.get_ref() {
                // The session holds unread data, or the peer has sent its end.
                (_, session) if !session.wants_read() => Poll::Ready(Ok(())),
                (tcp, _) => tcp.poll_read_ready(cx),
            },
            Self::ServerTls(io) => match io.get_ref() {
                (_, session) if !session.wants_read() => Poll::Ready(Ok(())),
                (io, _) => io.tcp.poll_read_ready(cx),
            },
            Self::Unix(io) => io.poll_read_ready(cx),
            #[cfg(test)]
            Self::Pipe(io) => io.poll_read_ready(cx),
        }
    }

    /// Returns whether the socket holds neither bytes nor the end of the stream. It asks the
    /// kernel, because tokio's readiness is as old as its last poll.
    pub(crate) fn is_empty(&mut self) -> bool {
        match self {
            Self::Tcp(io) => is_socket_empty(&SockRef::from(&*io)),
            Self::Unix(io) => is_socket_empty(&SockRef::from(&*io)),
            Self::ServerTls(io) => is_socket_empty(&SockRef::from(&io.get_ref().0.tcp)),
            Self::ClientTls(io) => is_session_empty(io),
            #[cfg(test)]
            Self::Pipe(io) => io.is_empty(),
        }
    }
}

/// The maximum number of bytes that a client may send in a handshake. Genuine ones need about 2
/// KiB. A TLS library buffers as many as the client announces, up to 64 KiB.
const MAX_HANDSHAKE: usize = 16 * 1024;

/// A TCP connection that limits the bytes read during a handshake.
#[derive(Debug)]
pub struct HandshakeStream {
    tcp: TcpStream,
    remaining: usize,
}

impl HandshakeStream {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            remaining: MAX_HANDSHAKE,
        }
    }

    /// Removes the limit after the handshake. The reader of the requests has its own limits.
    pub(crate) fn finish(&mut self) {
        self.remaining = usize::MAX;
    }
}

impl AsyncRead for HandshakeStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.remaining == 0 {
            let text = "the client's handshake is longer than 16 KiB";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut self.tcp).poll_read(cx, buf);
        if self.remaining != usize::MAX {
            self.remaining = self.remaining.saturating_sub(buf.filled().len() - before);
        }
        result
    }
}

impl AsyncWrite for HandshakeStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

fn is_socket_empty(socket: &socket2::Socket) -> bool {
    let peeked = socket.peek(&mut [MaybeUninit::uninit()]);
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Returns whether a session holds neither data nor its end. The socket may hold a message of the
/// session, such as a ticket, which the session reads here.
fn is_session_empty(io: &mut client::TlsStream<TcpStream>) -> bool {
    /// The maximum number of messages between two requests. A peer that sends more is not idle.
    const MAX_READS: usize = 8;
    let (tcp, session) = io.get_mut();
    let socket = SockRef::from(&*tcp);
    for _ in 0..MAX_READS {
        if !session.wants_read() {
            return false;
        }
        match session.read_tls(&mut &*socket) {
            Ok(0) => return false,
            Ok(_) if session.process_new_packets().is_ok() => {}
            Ok(_) => return false,
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
    false
}

/// Calls the same method on each transport.
macro_rules! each {
    ($stream:expr, $io:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Tcp(io) => {
                let $io = Pin::new(io);
                $call
            }
            Stream::ServerTls(io) => {
                let $io = Pin::new(io);
                $call
            }
            Stream::ClientTls(io) => {
                let $io = Pin::new(io);
                $call
            }
            Stream::Unix(io) => {
                let $io = Pin::new(io);
                $call
            }
            #[cfg(test)]
            Stream::Pipe(io) => {
                let $io = Pin::new(io);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, io => io.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => io.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => io.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(io) => io.is_write_vectored(),
            Self::ServerTls(io) => io.is_write_vectored(),
            Self::ClientTls(io) => io.is_write_vectored(),
            Self::Unix(io) => io.is_write_vectored(),
            #[cfg(test)]
            Self::Pipe(io) => io.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        sync::Arc,
    };

    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::net::test_tls;

    type Far = rustls::StreamOwned<rustls::ServerConnection, std::net::TcpStream>;

    /// Returns a TLS connection on which the peer has sent its session tickets, and the peer's end.
    async fn pair() -> (Stream, Far) {
        let (client, server) = test_tls::configs();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let accepting = std::thread::spawn(move || {
            let (tcp, _) = listener.accept().expect("accepted");
            let session = rustls::ServerConnection::new(Arc::new(server)).expect("a session");
            let mut far = rustls::StreamOwned::new(session, tcp);
            // The tickets go out with the first byte.
            far.write_all(b"a").expect("written");
            far
        });
        let tcp = TcpStream::connect(address).await.expect("connected");
        let connector = TlsConnector::from(Arc::new(client));
        let io = connector
            .connect(test_tls::name(), tcp)
            .await
            .expect("a handshake");
        (
            Stream::ClientTls(Box::new(io)),
            accepting.join().expect("no panic"),
        )
    }

    async fn read_one(near: &mut Stream) {
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read_exact(near, &mut byte).await;
        read.expect("read");
    }

    #[tokio::test]
    async fn messages_of_a_tls_session_say_nothing_to_the_reader() {
        let (mut near, mut far) = pair().await;
        read_one(&mut near).await;
        assert!(near.is_empty());
        // The peer sends a message of the session alone.
        far.conn.refresh_traffic_keys().expect("new keys");
        far.flush().expect("written");
        assert!(near.is_empty());
        // The session still works in both directions.
        tokio::io::AsyncWriteExt::write_all(&mut near, b"b")
            .await
            .expect("written");
        let mut byte = [0];
        far.read_exact(&mut byte).expect("read");
        far.write_all(b"c").expect("written");
        read_one(&mut near).await;
        assert!(near.is_empty());
    }

    #[tokio::test]
    async fn bytes_and_the_end_under_tls_are_seen_at_once() {
        let (mut near, mut far) = pair().await;
        read_one(&mut near).await;
        far.write_all(b"unsolicited").expect("written");
        assert!(!near.is_empty());

        let (mut near, mut far) = pair().await;
        read_one(&mut near).await;
        far.conn.send_close_notify();
        far.flush().expect("written");
        assert!(!near.is_empty());

        let (mut near, far) = pair().await;
        read_one(&mut near).await;
        drop(far);
        assert!(!near.is_empty());
    }
}
