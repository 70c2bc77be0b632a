//! The socket beside the file of a store. The running gate serves its API there.
//!
//! A client that can connect may do everything to the inbox. The socket therefore has mode 0600
//! before anybody can connect, and no network reaches it.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::net::listener::Listener;

/// Returns the path of the socket of a gate whose store is `file`: `FILE.sock`.
pub(crate) fn socket_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sock");
    name.into()
}

/// Binds the socket beside the file of a store.
///
/// # Errors
///
/// When the socket cannot be made, or another gate listens on it.
pub(crate) fn bind(file: &Path) -> io::Result<Listener> {
    let path = socket_path(file);
    Listener::bind_private(&path).map_err(|error| {
        let path = path.display();
        io::Error::new(
            error.kind(),
            format!("the socket {path} cannot be made: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::{
            fs::PermissionsExt as _,
            net::{UnixListener, UnixStream},
        },
    };

    use super::*;

    #[test]
    fn the_socket_is_its_owners_alone_and_goes_with_the_gate() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, at) = (
            dir.path().join("inbox.db"),
            dir.path().join("inbox.db.sock"),
        );
        let listener = bind(&file).expect("bound");
        let mode = fs::metadata(&at).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(UnixStream::connect(&at).is_ok());
        let other = bind(&file).expect_err("a gate lives there");
        assert_eq!(other.kind(), io::ErrorKind::AddrInUse);
        assert!(other.to_string().contains("inbox.db.sock"));
        assert!(UnixStream::connect(&at).is_ok(), "the other one left it");
        drop(listener);
        assert!(!at.exists());
    }

    #[test]
    fn a_killed_gates_socket_is_replaced_and_another_file_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, at) = (
            dir.path().join("inbox.db"),
            dir.path().join("inbox.db.sock"),
        );
        drop(UnixListener::bind(&at).expect("bound"));
        assert!(UnixStream::connect(&at).is_err() && at.exists());
        drop(bind(&file).expect("bound"));
        fs::write(&at, "somebody's").expect("written");
        assert!(bind(&file).is_err());
        assert_eq!(fs::read(&at).expect("still there"), b"somebody's");
    }
}
