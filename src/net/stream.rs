//! A byte stream between the gate and somebody: TCP, TLS or a Unix socket, as one type, so that
//! nothing above cares which. It only passes calls on.

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
use tokio_rustls::{TlsStream, client, server};

/// An open connection.
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// TLS over TCP that a client began.
    Secured(Box<server::TlsStream<Handshaking>>),
    /// TLS over TCP; boxed, since a session is a hundred times as large as a socket.
    Tls(Box<TlsStream<TcpStream>>),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Ready once there is something to read, be it the end.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(io) => io.poll_read_ready(cx),
            Self::Tls(io) => match io.get_ref() {
                // Of what was read already, something is left, or the client has said that it is done.
                (_, session) if !session.wants_read() => Poll::Ready(Ok(())),
                (tcp, _) => tcp.poll_read_ready(cx),
            },
            Self::Secured(io) => match io.get_ref() {
                (_, session) if !session.wants_read() => Poll::Ready(Ok(())),
                (io, _) => io.tcp.poll_read_ready(cx),
            },
            Self::Unix(io) => io.poll_read_ready(cx),
        }
    }

    /// Whether the socket holds nothing to read, neither bytes nor the end. It asks the kernel: tokio's own readiness is as old
    /// as its last look.
    pub(crate) fn holds_nothing(&mut self) -> bool {
        match self {
            Self::Tcp(io) => is_empty(&SockRef::from(&*io)),
            Self::Unix(io) => is_empty(&SockRef::from(&*io)),
            Self::Secured(io) => is_empty(&SockRef::from(&io.get_ref().0.tcp)),
            Self::Tls(io) => match &mut **io {
                TlsStream::Client(io) => session_holds_nothing(io),
                TlsStream::Server(io) => is_empty(&SockRef::from(io.get_ref().0)),
            },
        }
    }
}

/// Bytes that a client may send for its side of a handshake. Genuine ones need about 2 KiB, and a TLS library holds as
/// many as a client announces: up to 64 KiB.
const LONGEST_HANDSHAKE: usize = 16 * 1024;

/// A TCP connection that bounds what is read of a handshake.
#[derive(Debug)]
pub struct Handshaking {
    tcp: TcpStream,
    left: usize,
}

impl Handshaking {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            left: LONGEST_HANDSHAKE,
        }
    }

    /// The handshake is done: whatever is read from now on is bounded elsewhere.
    pub(crate) fn finish(&mut self) {
        self.left = usize::MAX;
    }
}

impl AsyncRead for Handshaking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            let text = "the client's handshake is longer than 16 KiB";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut self.tcp).poll_read(cx, buf);
        if self.left != usize::MAX {
            self.left = self.left.saturating_sub(buf.filled().len() - before);
        }
        result
    }
}

impl AsyncWrite for Handshaking {
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

fn is_empty(socket: &socket2::Socket) -> bool {
    let peeked = socket.peek(&mut [MaybeUninit::uninit()]);
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Under TLS the socket may hold a message of the session, such as a ticket, which says nothing to the reader above. The
/// session reads it here.
fn session_holds_nothing(io: &mut client::TlsStream<TcpStream>) -> bool {
    /// A peer with more messages than these to read between two requests is up to something else.
    const MOST_READS: usize = 8;
    let (tcp, session) = io.get_mut();
    let socket = SockRef::from(&*tcp);
    for _ in 0..MOST_READS {
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

/// Calls the same method on whichever transport it is.
macro_rules! each {
    ($stream:expr, $io:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Tcp(io) => {
                let $io = Pin::new(io);
                $call
            }
            Stream::Secured(io) => {
                let $io = Pin::new(io);
                $call
            }
            Stream::Tls(io) => {
                let $io = Pin::new(io);
                $call
            }
            Stream::Unix(io) => {
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
            Self::Secured(io) => io.is_write_vectored(),
            Self::Tls(io) => io.is_write_vectored(),
            Self::Unix(io) => io.is_write_vectored(),
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

    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
    use tokio_rustls::TlsConnector;

    use super::*;

    type Far = rustls::StreamOwned<rustls::ServerConnection, std::net::TcpStream>;

    fn configurations() -> (rustls::ClientConfig, rustls::ServerConfig) {
        let made = rcgen::generate_simple_self_signed(vec!["app.example".to_owned()]);
        let made = made.expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.expect("a key"))
            .expect("a configuration");
        let mut roots = rustls::RootCertStore::empty();
        let root = CertificateDer::from(made.cert.der().to_vec());
        roots.add(root).expect("a certificate");
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        (client, server)
    }

    /// A connection under TLS on which the peer has sent its session tickets, and the peer's end.
    async fn pair() -> (Stream, Far) {
        let (client, server) = configurations();
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
        let name = ServerName::try_from("app.example").expect("a name");
        let connector = TlsConnector::from(Arc::new(client));
        let io = connector.connect(name, tcp).await.expect("a handshake");
        (
            Stream::Tls(Box::new(io.into())),
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
        assert!(near.holds_nothing());
        // The peer sends a message of the session alone.
        far.conn.refresh_traffic_keys().expect("new keys");
        far.flush().expect("written");
        assert!(near.holds_nothing());
        // The session still works in both directions.
        tokio::io::AsyncWriteExt::write_all(&mut near, b"b")
            .await
            .expect("written");
        let mut byte = [0];
        far.read_exact(&mut byte).expect("read");
        far.write_all(b"c").expect("written");
        read_one(&mut near).await;
        assert!(near.holds_nothing());
    }

    #[tokio::test]
    async fn bytes_and_the_end_under_tls_are_seen_at_once() {
        let (mut near, mut far) = pair().await;
        read_one(&mut near).await;
        far.write_all(b"unsolicited").expect("written");
        assert!(!near.holds_nothing());

        let (mut near, mut far) = pair().await;
        read_one(&mut near).await;
        far.conn.send_close_notify();
        far.flush().expect("written");
        assert!(!near.holds_nothing());

        let (mut near, far) = pair().await;
        read_one(&mut near).await;
        drop(far);
        assert!(!near.holds_nothing());
    }
}
