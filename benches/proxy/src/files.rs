//! The limit of open files, which limits the connections to a peer.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The files that the gate reserves per connection, the most of all peers.
const EACH: u64 = 3;

/// The files for other purposes than connections.
const OTHERS: u64 = 256;

/// The files of the bench for other purposes, most of them connections to its app.
const OWN: u64 = 1_500;

/// Returns the number of connections that the bench itself can have open.
pub(crate) fn most_of_the_bench() -> usize {
    usize::try_from(limit().saturating_sub(OWN)).unwrap_or(usize::MAX)
}

fn limit() -> u64 {
    let files = getrlimit(Resource::Nofile);
    files.current.unwrap_or(u64::from(u16::MAX))
}

/// Raises the limit to the maximum, which the peers inherit.
pub(crate) fn raise() -> io::Result<()> {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        ..limits
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// Returns the number of connections that can be open to a peer.
pub(crate) fn most_connections() -> usize {
    let connections = limit().saturating_sub(OTHERS) / EACH;
    usize::try_from(connections)
        .unwrap_or(usize::MAX)
        .min(20_000)
}
