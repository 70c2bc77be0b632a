//! A bound socket.

use std::{
    fs::{self, Permissions},
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::{
    acceptor::Acceptor,
    socket_file::{SocketFile, remove_stale},
    tcp,
};
use crate::net::listener::listen_address::ListenAddress;

/// A bound socket that accepts no connections yet.
#[derive(Debug)]
pub struct Listener {
    socket: Bound,
}

#[derive(Debug)]
enum Bound {
    Tcp(std::net::TcpListener),
    /// With the file, if this gate created it. The file of an inherited socket is not removed.
    Unix(std::os::unix::net::UnixListener, Option<SocketFile>),
}

impl Listener {
    /// Binds every TCP address of `text`.
    pub(super) fn bind_tcp(text: &str) -> io::Result<Vec<Self>> {
        let sockets = tcp::bind_all(&tcp::addresses(text)?, tcp::listen)?;
        Ok(sockets.into_iter().map(Self::tcp).collect())
    }

    /// Binds a Unix socket.
    pub(super) fn bind_unix(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        let file = SocketFile::new(path);
        listener.set_nonblocking(true)?;
        Ok(Self::unix(listener, Some(file)))
    }

    /// Binds a Unix socket that only this user can connect to: the mode is set before it listens.
    pub(crate) fn bind_private(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = SocketFile::new(path);
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        socket.set_nonblocking(true)?;
        socket.listen(tcp::BACKLOG)?;
        Ok(Self::unix(socket.into(), Some(file)))
    }

    /// Takes over a listening TCP socket of another process.
    pub(crate) fn inherited_tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::tcp(listener))
    }

    /// Takes over a listening Unix socket of another process.
    pub(crate) fn inherited_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::unix(listener, None))
    }

    fn tcp(listener: std::net::TcpListener) -> Self {
        let socket = Bound::Tcp(listener);
        Self { socket }
    }

    fn unix(listener: std::os::unix::net::UnixListener, file: Option<SocketFile>) -> Self {
        let socket = Bound::Unix(listener, file);
        Self { socket }
    }

    /// Returns the bound address. For port 0, it holds the port that the system chose.
    #[must_use]
    pub fn address(&self) -> ListenAddress {
        match &self.socket {
            Bound::Tcp(listener) => ListenAddress::Tcp(
                listener
                    .local_addr()
                    .map_or_else(|_| String::new(), |address| address.to_string()),
            ),
            Bound::Unix(listener, _) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                ListenAddress::Unix(path.map(Path::to_owned).unwrap_or_default())
            }
        }
    }

    /// Returns the bound address of a TCP socket.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Bound::Tcp(listener) => listener.local_addr().ok(),
            Bound::Unix(..) => None,
        }
    }

    /// Registers the socket with the caller's runtime.
    pub(crate) fn start(self) -> io::Result<Acceptor> {
        Ok(match self.socket {
            Bound::Tcp(listener) => Acceptor::Tcp(TcpListener::from_std(listener)?),
            Bound::Unix(listener, file) => Acceptor::Unix(UnixListener::from_std(listener)?, file),
        })
    }
}
