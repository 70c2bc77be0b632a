//! Resolves and binds the TCP addresses of a listener.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _},
};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted. The kernel caps it at `net.core.somaxconn`.
pub(super) const BACKLOG: i32 = 4096;

/// Returns the addresses of `[HOST]:PORT`.
pub(super) fn addresses(text: &str) -> io::Result<Vec<SocketAddr>> {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "0"));
    let port = port.parse().map_err(io::Error::other)?;
    let all = |hosts: &[IpAddr]| hosts.iter().map(|host| (*host, port).into()).collect();
    match host {
        // One IPv6 socket accepts both families. The IPv4 address is for machines without IPv6.
        "" => Ok(all(&[
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv4Addr::UNSPECIFIED.into(),
        ])),
        // Clients try either address first, independently of the resolver.
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

/// Binds all addresses with `bind`, except those of a family that this machine lacks.
pub(super) fn bind_all<T>(
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

/// Returns whether the machine lacks the address family, or the address.
fn is_missing(error: &io::Error) -> bool {
    let no_family = Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(no_family)
}

/// Binds an address and listens on it, without `SO_REUSEPORT`: two gates on one address would split
/// its deliveries unnoticed.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds an address without listening on it.
pub(super) fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Ignores the TIME_WAIT sockets of an ended gate, so that a restart does not wait for a minute.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_ipv6(address: SocketAddr) -> io::Result<SocketAddr> {
        match address {
            SocketAddr::V6(_) => Err(io::Error::from_raw_os_error(
                Errno::AFNOSUPPORT.raw_os_error(),
            )),
            SocketAddr::V4(_) => Ok(address),
        }
    }

    fn bound(text: &str, bind: impl Fn(SocketAddr) -> io::Result<SocketAddr>) -> Vec<String> {
        let addresses = addresses(text).expect("addresses");
        let bound = bind_all(&addresses, bind).expect("bound");
        bound.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_machine_without_ipv6_is_listened_on_by_ipv4() {
        assert_eq!(bound(":80", without_ipv6), ["0.0.0.0:80"]);
        assert_eq!(bound("localhost:80", without_ipv6), ["127.0.0.1:80"]);
        let only_six = addresses("[::1]:80").expect("an address");
        assert!(bind_all(&only_six, without_ipv6).is_err());
    }

    #[test]
    fn every_address_is_one_socket_and_localhost_two() {
        assert_eq!(bound(":80", Ok), ["[::]:80"]);
        assert_eq!(bound("LocalHost:80", Ok), ["[::1]:80", "127.0.0.1:80"]);
    }

    #[test]
    fn an_address_in_use_is_never_skipped() {
        let in_use = |address: SocketAddr| match address {
            SocketAddr::V6(_) => Ok(address),
            SocketAddr::V4(_) => Err(io::ErrorKind::AddrInUse.into()),
        };
        let addresses = addresses("localhost:80").expect("addresses");
        assert!(bind_all(&addresses, in_use).is_err());
    }
}
