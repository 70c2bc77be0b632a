//! The file of a Unix socket.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

/// Removes the file of a socket when dropped, unless another gate has replaced it: a gate that
/// starts while this one drains binds the same path.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    /// Takes over the file that was bound at `path`.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            identity: identity(path),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == self.identity {
            // If this fails, the next start removes the stale file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Returns the device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Removes the file that a killed gate has left behind.
///
/// # Errors
///
/// When a running gate accepts connections there, or the file is no socket.
pub(super) fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(not_a_socket());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// Returns the error for a path that holds another kind of file.
pub(super) fn not_a_socket() -> io::Error {
    let text = "a file that is not a socket is in the way";
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}
