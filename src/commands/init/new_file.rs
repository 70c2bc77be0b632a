//! A new file: written beside its place, synced, and then put there as a whole.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

use crate::commands::outcome::Failure;

/// The mode and the owner of a new file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    pub(super) mode: u32,
    /// None for the user of this process.
    pub(super) uid: Option<u32>,
    /// None for the group of this process.
    pub(super) gid: Option<u32>,
}

/// A file that is complete, but not in its place. It is removed when dropped.
pub(super) struct NewFile {
    file: NamedTempFile,
    to: PathBuf,
}

/// A file in its place.
pub(super) struct Placed {
    path: PathBuf,
    replaced: bool,
}

impl NewFile {
    /// Writes a file beside its place `to`.
    pub(super) fn new(to: &Path, content: &[u8], access: Access) -> Result<Self, Failure> {
        let written = Self::written(to, content, access);
        written.map_err(|error| cannot_write(to, &error))
    }

    fn written(to: &Path, content: &[u8], access: Access) -> io::Result<Self> {
        let mut file = Builder::new()
            .prefix(".cartgate-")
            .tempfile_in(directory(to))?;
        fchown(file.as_file(), access.uid, access.gid)?;
        file.as_file()
            .set_permissions(Permissions::from_mode(access.mode))?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        Ok(Self {
            file,
            to: to.to_owned(),
        })
    }

    /// Returns the path of the file while it is not in its place.
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Puts the file in its place.
    pub(super) fn put(self, replace: bool) -> Result<Placed, Failure> {
        let Self { file, to } = self;
        let replaced = replace && to.symlink_metadata().is_ok();
        let put = match replace {
            true => file.persist(&to),
            false => file.persist_noclobber(&to),
        };
        let put = put.map_err(|error| error.error);
        let synced = put.and_then(|_| File::open(directory(&to))?.sync_all());
        synced.map_err(|error| cannot_write(&to, &error))?;
        Ok(Placed { path: to, replaced })
    }
}

impl Placed {
    /// Removes the file, unless it has replaced another one.
    pub(super) fn undo(self) {
        if !self.replaced {
            // The failure that led here is reported.
            let _ = fs::remove_file(self.path);
        }
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    Failure::usage(match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "cannot write {shown}: permission denied; use another directory, or sudo with --system"
        ),
        io::ErrorKind::AlreadyExists => {
            format!("cannot write {shown}: another program has just made it; try again")
        }
        _ => format!("cannot write {shown}: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: Access = Access {
        mode: 0o600,
        uid: None,
        gid: None,
    };

    #[test]
    fn a_file_is_put_as_a_whole_and_replaces_only_if_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let to = dir.path().join("secret");
        let new = |content: &[u8]| NewFile::new(&to, content, ACCESS).expect("written");
        drop(new(b"dropped"));
        assert_eq!(fs::read_dir(dir.path()).expect("a list").count(), 0);
        let placed = new(b"one").put(false).expect("put");
        assert!(new(b"two").put(false).is_err());
        assert_eq!(fs::read(&to).expect("read"), b"one");
        new(b"three").put(true).expect("put").undo();
        assert_eq!(fs::read(&to).expect("read"), b"three");
        let mode = fs::metadata(&to).expect("found").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        placed.undo();
        assert_eq!(fs::read_dir(dir.path()).expect("a list").count(), 0);
    }
}
