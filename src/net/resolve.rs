//! Resolves names with the system's resolver.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
};

use tokio::sync::Semaphore;

use crate::{runtime::background::run_on_thread, sandbox};

/// Limits the concurrent lookups of all workers. Each occupies a thread while the resolver waits.
static LOOKUPS: Semaphore = Semaphore::const_new(256);

/// Returns the addresses of a host, in the order to try them. An address needs no lookup.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let permit = LOOKUPS.acquire().await.map_err(io::Error::other)?;
    let host = host.to_owned();
    let found = run_on_thread(move || {
        // The thread continues, and counts, after its caller has given up.
        let _permit = permit;
        (host.as_str(), port)
            .to_socket_addrs()
            .map(Iterator::collect)
    });
    let found = found.await.unwrap_or_else(|error| Err(error.into_error()));
    found.map_err(sandbox::explain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_and_addresses_are_resolved_and_others_are_errors() {
        for (host, port) in [("127.0.0.1", 80), ("::1", 81)] {
            let found = resolve(host, port).await.expect("an address");
            assert_eq!(found, [SocketAddr::new(host.parse().expect("one"), port)]);
        }
        let found = resolve("localhost", 82).await.expect("every machine's own");
        assert!(
            found
                .iter()
                .all(|one| one.ip().is_loopback() && one.port() == 82)
        );
        assert!(!found.is_empty());
        assert!(resolve("no.such.name.invalid", 80).await.is_err());
    }
}
