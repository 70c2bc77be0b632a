//! How many files this process may have open, and so how many connections. Out of files a gate
//! accepts nobody and sends nobody away: a thousand silent clients would shut it, where 1,024 is
//! what the system lets a process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For all that is no connection: the log, timers, listeners, files that are read.
const OTHERS: u64 = 64;

/// A connection's own file, that of its way to the app, and room for those that are being closed.
const EACH: u64 = 3;

/// As many connections as were asked for, or as many as the files last for. First it takes all the
/// files that the system lets it have.
pub(crate) fn connections(asked: usize) -> usize {
    let Some(files) = most_files() else {
        return asked;
    };
    let possible = files.saturating_sub(OTHERS) / EACH;
    usize::try_from(possible).map_or(asked, |possible| asked.min(possible.max(1)))
}

/// The soft limit, raised to the hard one; none if there is no limit.
fn most_files() -> Option<u64> {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        ..limits
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        // Not allowed to: the old one still holds.
        Err(_) => limits.current,
    }
}
