//! A file that a gate writes beside its store, and that moves to its place afterwards.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown},
    path::{Path, PathBuf, absolute},
};

use uuid::Uuid;

/// Returns the path of a new file beside the store.
pub(super) fn beside(store: &Path) -> io::Result<PathBuf> {
    let mut name = absolute(store)?.into_os_string();
    name.push(format!(".backup-{}", Uuid::now_v7().simple()));
    Ok(name.into())
}

/// Moves a file to a path at which none exists. If that fails, neither file stays.
pub(super) fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    let moved = match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(from, to),
        linked => linked,
    };
    let removed = fs::remove_file(from);
    moved.and(removed)
}

/// Copies a file, with its owner and mode, to another file system.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let found = source.metadata()?;
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let mut target = options.open(to)?;
    let copied = io::copy(&mut source, &mut target)
        .and_then(|_| fchown(&target, Some(found.uid()), Some(found.gid())))
        .and_then(|()| target.sync_all());
    copied.inspect_err(|_| {
        // An incomplete copy must not be taken for a backup.
        let _ = fs::remove_file(to);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_moves_whole_and_never_over_another() {
        // Another file system than that of the temporary directory, if the machine has one.
        let elsewhere = Path::new("/dev/shm");
        let dir = tempfile::tempdir().expect("a directory");
        let other = tempfile::tempdir_in(if elsewhere.is_dir() {
            elsewhere
        } else {
            dir.path()
        });
        let other = other.expect("a directory");
        for target in [dir.path(), other.path()] {
            let from = beside(&dir.path().join("inbox.db")).expect("a path");
            fs::write(&from, "events").expect("written");
            let to = target.join("copy.db");
            move_to(&from, &to).expect("moved");
            assert_eq!(fs::read(&to).expect("there"), b"events");
            assert!(!from.exists());

            fs::write(&from, "others").expect("written");
            let error = move_to(&from, &to).expect_err("one exists");
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&to).expect("there"), b"events");
            assert!(!from.exists());
        }
    }
}
