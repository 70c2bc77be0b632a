//! How many files a process may have open, and so how many connections a peer can be tried with.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The gate keeps room for three files a connection, the most of all peers.
const EACH: u64 = 3;

/// For all that is no connection.
const OTHERS: u64 = 256;

/// As many as the system lets this process have; its peers inherit it.
pub(crate) fn raise() -> io::Result<()> {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        ..limits
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// So many can be open to a peer at once.
pub(crate) fn most_connections() -> usize {
    let files = getrlimit(Resource::Nofile)
        .current
        .unwrap_or(u64::from(u16::MAX));
    let connections = files.saturating_sub(OTHERS) / EACH;
    usize::try_from(connections)
        .unwrap_or(usize::MAX)
        .min(20_000)
}
