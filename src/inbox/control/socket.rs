//! The path of the control socket.

use std::path::{Path, PathBuf};

/// Returns the path of the socket of a gate whose store is `file`: `FILE.sock`.
pub(crate) fn socket_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sock");
    name.into()
}
