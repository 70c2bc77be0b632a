//! Looks whether an address could be listened on, without listening on it.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::FileTypeExt as _,
    path::Path,
};

use rustix::fs::{Access, access};
use socket2::SockAddr;

use super::{ListenAddress, Listener, bind_all, bound_tcp, in_the_way, tcp_addresses};

impl Listener {
    /// Judges whether `address` could be bound. That somebody else has it is no reason against it: it may be the gate that runs.
    ///
    /// # Errors
    ///
    /// When it cannot be resolved, is not of this machine, or may not be bound.
    pub fn probe(address: &ListenAddress) -> io::Result<()> {
        match address {
            ListenAddress::Tcp(text) => {
                let bind = |address| match bound_tcp(address) {
                    Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(()),
                    bound => bound.map(drop),
                };
                bind_all(&tcp_addresses(text)?, bind).map(drop)
            }
            ListenAddress::Unix(path) => Self::probe_unix(path),
            // It is known only once systemd hands it over.
            ListenAddress::Systemd(_) => Ok(()),
        }
    }

    /// Judges whether a Unix socket could be made at `path`.
    pub(crate) fn probe_unix(path: &Path) -> io::Result<()> {
        SockAddr::unix(path)?;
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        if !fs::metadata(parent)?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        access(parent, Access::WRITE_OK | Access::EXEC_OK)?;
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => Err(in_the_way()),
            _ => Ok(()),
        }
    }
}
