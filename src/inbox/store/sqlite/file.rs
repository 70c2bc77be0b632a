//! The file of a store, locked for this process, on a disk of this machine, and readable by its
//! owner alone.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{
    network,
    open_error::{OpenError, OpenErrorKind},
    path::{canonical, with_suffix},
};
use crate::secret::private_file::give_to_owner_of;

const OWNER_ONLY: u32 = 0o600;

/// The content of the lock file from a failed sync until a start has checked the whole store.
const SYNC_FAILED: &[u8] = b"a sync has failed\n";

/// A file that no other process can lock while this value lives.
#[derive(Debug)]
pub(super) struct LockedFile {
    /// The path without links: two paths of one file would be two locks.
    pub(super) path: PathBuf,
    /// The configured path, made absolute but with its links, which the next start opens again.
    pub(super) configured_path: PathBuf,
    /// Whether the last process left a log behind, so did not close the file.
    pub(super) is_unclean: bool,
    lock: File,
}

impl LockedFile {
    /// Whether a sync failed and no start has checked the whole store since.
    pub(super) fn has_failed_sync(&self) -> bool {
        self.lock.metadata().map_or(true, |lock| lock.len() > 0)
    }

    /// Records that a sync failed, without a second sync on the disk that failed the first.
    ///
    /// If the record is lost, the next start still checks the store as after every unclean end, and
    /// checkpoints the whole log.
    pub(super) fn record_failed_sync(&self) {
        let _ = self.lock.write_all_at(SYNC_FAILED, 0);
    }

    /// Records that the whole store was checked. If that fails, the next start checks it once more.
    pub(super) fn clear_failed_sync(&self) {
        let _ = self.lock.set_len(0);
    }
}

/// Locks the file, and creates it if there is none.
pub(super) fn lock(file: &Path) -> Result<LockedFile, OpenError> {
    try_lock(file).map_err(|kind| kind.at(file))
}

fn try_lock(file: &Path) -> Result<LockedFile, OpenErrorKind> {
    let configured_path = std::path::absolute(file).map_err(OpenErrorKind::Access)?;
    let path = canonical(file)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    network::reject(directory)?;
    let lock = open_lock(&with_suffix(&path, ".lock"))?;
    set_owner(&path, directory, &lock)?;
    let wal = fs::metadata(with_suffix(&path, "-wal"));
    Ok(LockedFile {
        is_unclean: wal.is_ok_and(|wal| wal.len() > 0),
        path,
        configured_path,
        lock,
    })
}

/// Creates a file that did not exist, which only its owner may read.
pub(super) fn create_new(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(OWNER_ONLY);
    options.open(file)
}

/// Opens and locks the lock file.
///
/// The file stays when the lock ends: once removed, it could be locked twice. A link is not
/// followed, because the file is written to, and opening does not wait, because the file may be a
/// pipe.
fn open_lock(file: &Path) -> Result<File, OpenErrorKind> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(OWNER_ONLY)
        .custom_flags(flags.bits().cast_signed());
    let lock = options.open(file).map_err(|error| {
        let found = fs::symlink_metadata(file).ok();
        let unfit = found.and_then(|found| check_lock(file, &found).err());
        unfit.unwrap_or(OpenErrorKind::Access(error))
    })?;
    check_lock(file, &lock.metadata().map_err(OpenErrorKind::Access)?)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenErrorKind::InUse),
        Err(TryLockError::Error(error)) => Err(OpenErrorKind::Access(error)),
    }
}

/// Checks that the file at the path of a lock is a regular file with one name. A file with a second
/// name may be any file.
pub(super) fn check_lock(file: &Path, found: &Metadata) -> Result<(), OpenErrorKind> {
    if found.is_file() && found.nlink() == 1 {
        Ok(())
    } else {
        Err(OpenErrorKind::NoLock(file.to_owned()))
    }
}

/// Gives files that root creates to the owner of the directory. SQLite gives the files that it adds
/// the mode and the owner of this one.
fn set_owner(file: &Path, directory: &Path, lock: &File) -> Result<(), OpenErrorKind> {
    match create_new(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        created => {
            let created = created.map_err(OpenErrorKind::Access)?;
            give_to_owner_of(&created, directory).map_err(OpenErrorKind::Access)?;
        }
    }
    give_to_owner_of(lock, file).map_err(OpenErrorKind::Access)?;
    let companions = ["", "-wal", "-shm"].map(|suffix| with_suffix(file, suffix));
    for file in companions {
        match fs::set_permissions(file, Permissions::from_mode(OWNER_ONLY)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(OpenErrorKind::Access(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbolic_link_is_no_second_lock() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (
            directory.path().join("inbox.db"),
            directory.path().join("link"),
        );
        let locked = lock(&file).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for name in [&file, &link] {
            assert!(lock(name).unwrap_err().is_in_use());
        }
        drop(locked);
        lock(&link).unwrap();
    }

    #[test]
    fn a_file_that_others_could_read_is_closed_to_them() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("inbox.db");
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        drop(lock(&file).unwrap());
        assert_eq!(mode(&file), OWNER_ONLY);
        assert_eq!(mode(&with_suffix(&file, ".lock")), OWNER_ONLY);
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        lock(&file).unwrap();
        assert_eq!(mode(&file), OWNER_ONLY);
    }

    #[test]
    fn a_missing_directory_and_one_in_the_way_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("not/there/inbox.db");
        let error = lock(&missing).unwrap_err();
        assert!(matches!(error.kind, OpenErrorKind::NoDirectory));
        assert!(error.to_string().contains(missing.to_str().unwrap()));
        let in_the_way = directory.path().join("file");
        fs::write(&in_the_way, "").unwrap();
        let error = lock(&in_the_way.join("inbox.db")).unwrap_err();
        assert!(matches!(error.kind, OpenErrorKind::Access(_)), "{error}");
    }
}
