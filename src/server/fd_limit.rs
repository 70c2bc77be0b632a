//! The connection limit that the open-file limit permits. A gate without free files accepts no
//! client and closes none: at the usual limit of 1,024 files a thousand silent clients would block
//! it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files for everything except connections: the log, timers, listeners, files that are read.
const RESERVED: u64 = 64;

/// Files per connection: its own, the one to its destination, and one for connections that are
/// closing.
const PER_CONNECTION: u64 = 3;

/// The connections that the open-file limit permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FdLimit {
    /// The limit of open files (`RLIMIT_NOFILE`).
    pub(crate) nofile: u64,
    /// The connections that fit into it.
    pub(crate) connections: usize,
}

/// Raises the soft limit of open files to the hard limit. Returns the number of connections that it
/// permits, or none if there is no limit.
pub(crate) fn raise() -> Option<FdLimit> {
    let nofile = raise_to_hard_limit()?;
    let connections = nofile.saturating_sub(RESERVED) / PER_CONNECTION;
    let connections = usize::try_from(connections.max(1)).ok()?;
    Some(FdLimit {
        nofile,
        connections,
    })
}

fn raise_to_hard_limit() -> Option<u64> {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        ..limits
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        // Without permission the old limit stays.
        Err(_) => limits.current,
    }
}
