//! A listening socket on a runtime, and the connections that it accepts.

use std::io;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::socket_file::SocketFile;
use crate::net::{peer::Peer, stream::Stream};

/// A socket that connections are accepted from.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener, Option<SocketFile>),
}

impl Acceptor {
    pub(crate) async fn accept(&self) -> io::Result<Incoming> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok(Incoming::tcp(stream.into_std()?, Peer::Tcp(peer)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok(Incoming::unix(stream.into_std()?))
            }
        }
    }

    /// Passes every connection in the socket's queue to `take`, then closes the socket.
    pub(crate) fn take_queued(self, mut take: impl FnMut(Incoming)) {
        match self {
            Self::Tcp(listener) => {
                let Ok(listener) = listener.into_std() else {
                    return;
                };
                for (stream, peer) in queued(|| listener.accept()) {
                    take(Incoming::tcp(stream, Peer::Tcp(peer)));
                }
            }
            Self::Unix(listener, _file) => {
                let Ok(listener) = listener.into_std() else {
                    return;
                };
                for (stream, _) in queued(|| listener.accept()) {
                    take(Incoming::unix(stream));
                }
            }
        }
    }
}

/// Returns the connections in a queue. It skips a connection that its client has closed, so that
/// the ones behind it are not reset.
fn queued<T>(mut accept: impl FnMut() -> io::Result<T>) -> impl Iterator<Item = T> {
    let transient = [io::ErrorKind::ConnectionAborted, io::ErrorKind::Interrupted];
    std::iter::from_fn(move || {
        loop {
            match accept() {
                Err(error) if transient.contains(&error.kind()) => {}
                other => return other.ok(),
            }
        }
    })
}

/// A connection on its way from the acceptor to its worker.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) stream: Accepted,
    pub(crate) peer: Peer,
}

impl Incoming {
    fn tcp(stream: std::net::TcpStream, peer: Peer) -> Self {
        let stream = Accepted::Tcp(stream);
        Self { stream, peer }
    }

    /// Returns a connection over one end of a Unix socket.
    pub(crate) fn unix(stream: std::os::unix::net::UnixStream) -> Self {
        Self {
            stream: Accepted::Unix(stream),
            peer: Peer::Unix,
        }
    }
}

/// An accepted socket that belongs to no runtime yet.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Accepted {
    /// Registers the socket with the caller's runtime.
    pub(crate) fn into_stream(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => {
                stream.set_nodelay(true)?;
                // A socket from `take_queued` was not accepted by tokio, so it still blocks.
                stream.set_nonblocking(true)?;
                Stream::Tcp(TcpStream::from_std(stream)?)
            }
            Self::Unix(stream) => {
                stream.set_nonblocking(true)?;
                Stream::Unix(UnixStream::from_std(stream)?)
            }
        })
    }
}
