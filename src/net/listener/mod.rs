//! The sockets that a gate listens on: bound here, owned by the caller of `serve`. What is said
//! over an accepted connection belongs to `connection`.

use std::{
    collections::HashSet,
    fmt,
    fs::Permissions,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::net::{inherited::Inherited, stream::Stream};

mod address;
mod probe;

pub use address::{ListenAddress, ListenAddressError};

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A bound socket that nobody accepts from yet.
#[derive(Debug)]
pub struct Listener {
    socket: Bound,
}

#[derive(Debug)]
enum Bound {
    Tcp(std::net::TcpListener),
    /// The path only where this gate made it: an inherited socket's is not ours to remove.
    Unix(std::os::unix::net::UnixListener, Option<OwnedSocketPath>),
}

/// Removes the socket's file when the gate lets go of it, if it is still this gate's: one that was
/// started since, while the old one drained, may have put its own in the place.
#[derive(Debug)]
pub(crate) struct OwnedSocketPath {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl OwnedSocketPath {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            identity: identity(path),
        }
    }
}

/// Device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

impl Drop for OwnedSocketPath {
    fn drop(&mut self) {
        if identity(&self.path) == self.identity {
            // Nothing can be done about a failure, and the next start clears a stale file.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Listener {
    /// Binds `address`, or takes the sockets that it means from those that were inherited.
    ///
    /// # Errors
    ///
    /// When the address is in use, also by another gate, cannot be resolved or may not be bound; or when no
    /// such socket was inherited.
    pub fn open(address: &ListenAddress, inherited: &mut Inherited) -> io::Result<Vec<Self>> {
        let sockets = match address {
            ListenAddress::Tcp(address) => {
                let sockets = bind_all(&tcp_addresses(address)?, bind_tcp)?;
                sockets.into_iter().map(Bound::Tcp).collect()
            }
            ListenAddress::Unix(path) => vec![bind_unix(path)?],
            ListenAddress::Systemd(name) => return inherited.give(name.as_deref()),
        };
        Ok(sockets.into_iter().map(|socket| Self { socket }).collect())
    }

    /// Binds `address`, which means one socket and none that was inherited.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn bind(address: &ListenAddress) -> io::Result<Self> {
        let mut listeners = Self::open(address, &mut Inherited::default())?;
        listeners
            .pop()
            .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Binds a Unix socket that only this user can connect to: its mode is set before it listens.
    pub(crate) fn bind_private(path: &Path) -> io::Result<Self> {
        clear_stale_socket(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let own = OwnedSocketPath::new(path);
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        socket.set_nonblocking(true)?;
        socket.listen(BACKLOG)?;
        let socket = Bound::Unix(socket.into(), Some(own));
        Ok(Self { socket })
    }

    /// A TCP socket that somebody else bound and listens on.
    pub(crate) fn inherited_tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let socket = Bound::Tcp(listener);
        Ok(Self { socket })
    }

    /// A Unix socket that somebody else bound and listens on.
    pub(crate) fn inherited_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let socket = Bound::Unix(listener, None);
        Ok(Self { socket })
    }

    /// The address that was bound, with the port that the system chose where 0 was asked.
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

    /// The TCP address that was bound, if it is a TCP socket.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Bound::Tcp(listener) => listener.local_addr().ok(),
            Bound::Unix(..) => None,
        }
    }

    /// Begins to accept, on the runtime of the caller.
    pub(crate) fn start(self) -> io::Result<Acceptor> {
        Ok(match self.socket {
            Bound::Tcp(listener) => Acceptor::Tcp(TcpListener::from_std(listener)?),
            Bound::Unix(listener, path) => Acceptor::Unix(UnixListener::from_std(listener)?, path),
        })
    }
}

/// The addresses that a text means.
fn tcp_addresses(text: &str) -> io::Result<Vec<SocketAddr>> {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "0"));
    let port = port.parse().map_err(io::Error::other)?;
    let all = |hosts: &[IpAddr]| hosts.iter().map(|host| (*host, port).into()).collect();
    match host {
        // One IPv6 socket takes both; only where there is no IPv6, IPv4 has to do.
        "" => Ok(all(&[
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv4Addr::UNSPECIFIED.into(),
        ])),
        // Clients try either first, whatever a resolver says.
        _ if host.eq_ignore_ascii_case("localhost") => Ok(all(&[
            Ipv6Addr::LOCALHOST.into(),
            Ipv4Addr::LOCALHOST.into(),
        ])),
        _ => {
            let mut addresses: Vec<_> = text.to_socket_addrs()?.collect();
            let mut seen = HashSet::new();
            addresses.retain(|address| seen.insert(*address));
            Ok(addresses)
        }
    }
}

/// Binds all of these addresses, except those of a family that this machine does not have.
fn bind_all<T>(
    addresses: &[SocketAddr],
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    let mut bound = Vec::new();
    let mut missing = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match bind(*address) {
            Ok(socket) => bound.push(socket),
            Err(error) if is_missing(&error) => {
                missing = error;
                continue;
            }
            Err(error) => return Err(error),
        }
        if address.ip().is_unspecified() && address.is_ipv6() {
            break;
        }
    }
    if bound.is_empty() {
        return Err(missing);
    }
    Ok(bound)
}

/// Whether the machine lacks the family, or has it without that address.
fn is_missing(error: &io::Error) -> bool {
    let no_family = Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(no_family)
}

/// Without `SO_REUSEPORT`: two gates on one address would share its deliveries in silence.
fn bind_tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = bound_tcp(address)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A bound socket that does not listen yet.
fn bound_tcp(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Only against the TIME_WAIT of a gate that has ended: a restart must not wait for a minute.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn bind_unix(path: &Path) -> io::Result<Bound> {
    clear_stale_socket(path)?;
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(Bound::Unix(listener, Some(OwnedSocketPath::new(path))))
}

/// A gate that was killed leaves its socket's file behind; one that lives answers on it.
fn clear_stale_socket(path: &Path) -> io::Result<()> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(in_the_way());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

fn in_the_way() -> io::Error {
    let text = "a file that is not a socket is in the way";
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}

/// A socket that connections are accepted from.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener, Option<OwnedSocketPath>),
}

impl Acceptor {
    pub(crate) async fn accept(&self) -> io::Result<Incoming> {
        match self {
            Self::Tcp(listener) => listener.accept().await.and_then(|(stream, peer)| {
                Ok(Incoming {
                    stream: Accepted::Tcp(stream.into_std()?),
                    peer: Peer::Tcp(peer),
                })
            }),
            Self::Unix(listener, _) => listener.accept().await.and_then(|(stream, _)| {
                Ok(Incoming {
                    stream: Accepted::Unix(stream.into_std()?),
                    peer: Peer::Unix,
                })
            }),
        }
    }
}

impl Acceptor {
    /// Closes the socket, after taking every connection that waits in its queue.
    pub(crate) fn take_queued(self, mut take: impl FnMut(Incoming)) {
        match self {
            Self::Tcp(listener) => {
                let Ok(listener) = listener.into_std() else {
                    return;
                };
                for (stream, peer) in queued(|| listener.accept()) {
                    take(Incoming {
                        stream: Accepted::Tcp(stream),
                        peer: Peer::Tcp(peer),
                    });
                }
            }
            Self::Unix(listener, _path) => {
                let Ok(listener) = listener.into_std() else {
                    return;
                };
                for (stream, _) in queued(|| listener.accept()) {
                    take(Incoming {
                        stream: Accepted::Unix(stream),
                        peer: Peer::Unix,
                    });
                }
            }
        }
    }
}

/// What waits in a queue. A client that has left it again is no reason to reset the others.
fn queued<T>(mut accept: impl FnMut() -> io::Result<T>) -> impl Iterator<Item = T> {
    let passing = [io::ErrorKind::ConnectionAborted, io::ErrorKind::Interrupted];
    std::iter::from_fn(move || {
        loop {
            match accept() {
                Err(error) if passing.contains(&error.kind()) => {}
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

/// An accepted socket, not yet of any runtime.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Accepted {
    /// Hands the socket to the runtime of the caller.
    pub(crate) fn into_stream(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => {
                stream.set_nodelay(true)?;
                // What is taken from a queue at the end has not been through tokio.
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

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP client.
    Tcp(SocketAddr),
    /// A client of the Unix socket.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{}", address.ip().to_canonical()),
            Self::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests;
