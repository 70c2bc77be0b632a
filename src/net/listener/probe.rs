//! Checks whether a listener could bind an address, without listening on it.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::FileTypeExt as _,
    path::Path,
};

use rustix::fs::{Access, access};
use socket2::SockAddr;

use super::{bound::Listener, socket_file::not_a_socket, tcp};
use crate::net::listener::listen_address::ListenAddress;

impl Listener {
    /// Checks whether `address` could be bound. An address in use passes, because the running gate
    /// may be using it.
    ///
    /// # Errors
    ///
    /// When it cannot be resolved, is not an address of this machine, or must not be bound.
    pub fn probe(address: &ListenAddress) -> io::Result<()> {
        match address {
            ListenAddress::Tcp(text) => {
                let bind = |address| match tcp::bind(address) {
                    Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(()),
                    bound => bound.map(drop),
                };
                tcp::bind_all(&tcp::addresses(text)?, bind).map(drop)
            }
            ListenAddress::Unix(path) => Self::probe_unix(path),
            // systemd passes these sockets only at the start.
            ListenAddress::Systemd(_) => Ok(()),
        }
    }

    /// Checks whether a Unix socket could be bound at `path`.
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
            Ok(found) if !found.file_type().is_socket() => Err(not_a_socket()),
            _ => Ok(()),
        }
    }
}
