//! Opens a socket to a destination: over TCP to the first address that accepts, or over a Unix
//! socket as soon as its queue has room.

use std::{io, net::SocketAddr, path::Path, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    net::{TcpStream, UnixStream},
    time::sleep,
};

/// The delay before the next address is tried in parallel (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// The first and the longest wait between two attempts while the queue of a Unix socket is full.
const QUEUE_FULL: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(16)];

/// Connects to the first address that accepts (RFC 8305). Every address is tried within `limit`,
/// the caller's timeout, even if earlier ones do not respond.
pub(crate) async fn tcp(addresses: Vec<SocketAddr>, limit: Duration) -> io::Result<TcpStream> {
    let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let stagger = STAGGER.min(limit / (count.saturating_add(1)));
    let mut waiting = interleaved(addresses).into_iter();
    let mut attempts: FuturesUnordered<_> =
        waiting.next().map(TcpStream::connect).into_iter().collect();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        let wait = async {
            match waiting.len() {
                0 => std::future::pending().await,
                _ => sleep(stagger).await,
            }
        };
        let ended = tokio::select! {
            ended = attempts.next() => Some(ended),
            () = wait => None,
        };
        match ended {
            Some(Some(Ok(stream))) => return Ok(stream),
            Some(Some(Err(error))) => failed = error,
            Some(None) if waiting.len() == 0 => return Err(failed),
            Some(None) | None => {}
        }
        // After a failure, the next address is tried at once.
        attempts.extend(waiting.next().map(TcpStream::connect));
    }
}

/// Alternates the address families, beginning with that of the first address (RFC 8305, section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    while first.len() + second.len() > 0 {
        mixed.extend(first.next());
        mixed.extend(second.next());
    }
    mixed
}

/// Connects to a Unix socket. While its queue is full, the kernel rejects a connection at once
/// instead of waiting as for TCP, so this function waits. The caller has the timeout.
pub(crate) async fn unix(path: &Path) -> io::Result<UnixStream> {
    let [mut wait, longest] = QUEUE_FULL;
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(wait).await,
            other => return other,
        }
        wait = longest.min(wait * 2);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream as Client};

    use socket2::{Domain, Socket, Type};
    use tokio::time::Instant;

    use super::*;

    /// Returns an address whose full queue drops each SYN, and the sockets that keep it full.
    fn silent(last: u8) -> (SocketAddr, (Socket, Vec<Client>)) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let ip = Ipv4Addr::new(127, 0, 0, last);
        socket
            .bind(&SocketAddr::from((ip, 0)).into())
            .expect("bound");
        socket.listen(0).expect("listening");
        let address = socket.local_addr().expect("an address");
        let address = address.as_socket().expect("of IP");
        let mut queued = Vec::new();
        while let Ok(stream) = Client::connect_timeout(&address, Duration::from_millis(100)) {
            queued.push(stream);
            assert!(queued.len() < 64, "the queue never fills");
        }
        (address, (socket, queued))
    }

    fn refusing() -> SocketAddr {
        // The port was free a moment ago, and no other test uses this address.
        let listener = TcpListener::bind("127.0.0.9:0").expect("a port");
        listener.local_addr().expect("an address")
    }

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn silent_and_refusing_addresses_are_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let good = listener.local_addr().expect("an address");
        let (dead, _first) = silent(2);
        let (dead_too, _second) = silent(3);
        for addresses in [
            vec![good],
            vec![dead, good],
            vec![dead, dead_too, good],
            vec![dead, refusing(), good],
            vec![refusing(), good, dead],
        ] {
            let begun = Instant::now();
            let stream = tcp(addresses, LIMIT).await.expect("connected");
            assert_eq!(stream.peer_addr().expect("a peer"), good);
            assert!(begun.elapsed() < LIMIT / 2);
        }
    }

    #[tokio::test]
    async fn a_short_limit_is_shared_by_all_addresses() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let good = listener.local_addr().expect("an address");
        let (dead, _keeps) = silent(4);
        let limit = Duration::from_millis(200);
        let connected = tokio::time::timeout(limit, tcp(vec![dead, dead, good], limit)).await;
        assert!(connected.expect("in time").is_ok());
    }

    #[tokio::test]
    async fn without_an_address_that_accepts_the_error_is_the_last_one() {
        let error = tcp(vec![refusing(), refusing()], LIMIT).await;
        let error = error.expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = tcp(Vec::new(), LIMIT).await.expect_err("no address");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn families_take_turns() {
        let mixed = |texts: &[&str]| {
            let addresses = texts.iter().map(|text| text.parse().expect("an address"));
            let mixed = interleaved(addresses.collect()).into_iter();
            mixed.map(|address| address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            mixed(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]),
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]
        );
        assert_eq!(
            mixed(&["1.1.1.1:1", "1.1.1.2:1", "[::1]:1"]),
            ["1.1.1.1:1", "[::1]:1", "1.1.1.2:1"]
        );
    }
}
