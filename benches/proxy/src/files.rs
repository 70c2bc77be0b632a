//! The limit of open files, which limits the connections to a peer.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The files that the gate reserves per connection, the most of all peers.
const EACH: u64 = 3;

/// The files for other purposes than connections.
const OTHERS: u64 = 256;

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
    let files = getrlimit(Resource::Nofile)
        .current
        .unwrap_or(u64::from(u16::MAX));
    let connections = files.saturating_sub(OTHERS) / EACH;
    usize::try_from(connections)
        .unwrap_or(usize::MAX)
        .min(20_000)
}
