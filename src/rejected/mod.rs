//! Refused deliveries that are kept, for the one mistake that no operator makes: Cartfunnel makes a
//! new secret on its own, and until the gate knows it, genuine orders fail. What is kept is looked
//! into by `cartgate verify --delivery` and, once the secret is known, sent on by `cartgate send
//! --delivery`.
//!
//! ```text
//!   watch ── keeper ── its thread ── pace ── shelf ── DIR/20261124T181614Z-019….http
//!            bounded                         bounded   a kept delivery (`refused`)
//! ```
//!
//! Only well-formed signatures that no secret makes are kept; a request without one is no delivery.
//! Nothing here verifies, and nothing kept ever reaches an app by itself.
//!
//! # An attacker
//!
//! Anybody can send a well-formed forgery, and sees nothing of whether it is kept. What floods gain:
//!
//! - *The request path*: nothing. The 401 waits for no disk. What waits for it is bounded, and its
//!   bytes stay counted in the gate's memory; what does not fit is dropped and counted.
//! - *The disk*: `count` and `bytes` hold before each file is written, and so many files and bytes
//!   a second are written at most.
//! - *Pushing genuine deliveries out*: from one address, none. No source holds more than its share,
//!   of the shelf and of each second, and loses its own oldest beyond that. When the whole is full,
//!   the network that holds most loses, in it the source that holds most, and of it the oldest. So
//!   it does not help to own a whole IPv6 prefix, whose /64s are beyond count: they are one network.
//!   To reduce a genuine source to its last delivery takes as many networks (IPv4 /16, IPv6 /32) as
//!   the shelf has places; then what is genuine ages like all else, and the log says all along
//!   that more came than is kept.
//! - *Behind a proxy* all peers are one, so a trusted hop's word about the client counts instead. A
//!   hop that is not trusted is not believed: its clients share one source, and a flood among them
//!   pushes out what is genuine among them.
//! - *Getting something forged sent on*: nothing. `send --delivery` demands the proof first. The
//!   gate's own lines in a file are the gate's; inbound ones of those names are dropped.

pub(crate) mod directory;
pub(crate) mod rate;
pub(crate) mod rejection;
mod saved;
mod source;
pub(crate) mod writer;

use std::{fs, io, path::PathBuf, time::Duration};

use crate::secret::private_file::is_open_to_others;

pub use rejection::{Malformed, Refused};
pub use saved::{Saved, SavedError};
pub use source::Source;
pub use writer::{Counters, Keeper};

/// Where refused deliveries are kept, and how many. Fixed at the start of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The directory; made, for its owner alone, where it is absent. Its parent must exist.
    pub dir: PathBuf,
    /// So many deliveries, at most.
    pub count: u64,
    /// So many bytes of files, at most.
    pub bytes: u64,
    /// So long, to the minute.
    pub age: Duration,
    /// One source holds one part in so many, at most: of the count, of the bytes, and of what is
    /// written in a second.
    pub share: u64,
}

impl Settings {
    /// Keeps in `dir`, with every bound at its default.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            count: 1000,
            bytes: 64 * 1024 * 1024,
            age: Duration::from_secs(7 * 24 * 60 * 60),
            share: 4,
        }
    }

    /// Checks that other users of the machine cannot write into the directory, if it is there: they could remove what is
    /// saved, or leave files that look like rejected deliveries.
    pub(crate) fn check(&self) -> io::Result<()> {
        match fs::metadata(&self.dir) {
            Ok(found) if is_open_to_others(&found) => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "other users of this machine can write into the directory; chmod o-w it, or name another one",
            )),
            _ => Ok(()),
        }
    }
}
