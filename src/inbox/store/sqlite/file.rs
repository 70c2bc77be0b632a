//! The file of a store: that it is this process's alone, on a disk of this machine, and nobody else's to read. What is in it
//! is `schema`'s.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::open_error::{OpenError, Why};
use crate::secret::private_file::give_to_owner_of;

const OWNER_ONLY: u32 = 0o600;

/// What the file of the lock holds from a failed sync until a start has looked all of the store over.
const DOUBT: &[u8] = b"a sync has failed\n";

/// A file that nobody else has, as long as this lives.
#[derive(Debug)]
pub(super) struct Taken {
    /// Its true name: two names of one file would be two locks.
    pub(super) file: PathBuf,
    /// The path by which it was asked for, made absolute but with its links: the next start goes by it, too.
    pub(super) configured: PathBuf,
    /// Whoever had it last did not close it: a log was left behind.
    pub(super) unclean: bool,
    lock: File,
}

impl Taken {
    /// Whether a sync of it has failed, and nobody has looked all of it over since.
    pub(super) fn is_doubted(&self) -> bool {
        self.lock.metadata().map_or(true, |lock| lock.len() > 0)
    }

    /// Notes that a sync has failed, without asking the disk that refused one for another. Were the note lost, the next start
    /// would still look the store over as after any end that was none, and have all of the log written anew.
    pub(super) fn doubt(&self) {
        let _ = self.lock.write_all_at(DOUBT, 0);
    }

    /// Notes that all of it was looked over. A note that stays costs a look more.
    pub(super) fn trust(&self) {
        let _ = self.lock.set_len(0);
    }
}

/// Takes the file, making it where there is none.
pub(super) fn take(file: &Path) -> Result<Taken, OpenError> {
    try_take(file).map_err(|why| why.of(file))
}

fn try_take(file: &Path) -> Result<Taken, Why> {
    let configured = std::path::absolute(file).map_err(Why::Access)?;
    let file = true_name(file)?;
    let directory = file.parent().unwrap_or(Path::new("/"));
    if let Some(network) = network(directory)? {
        return Err(Why::Network(network));
    }
    let lock = lock(&beside(&file, ".lock"))?;
    own(&file, directory, &lock)?;
    let left = fs::metadata(beside(&file, "-wal"));
    Ok(Taken {
        unclean: left.is_ok_and(|log| log.len() > 0),
        file,
        configured,
        lock,
    })
}

/// A file that goes with another.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

/// Makes a file that there was not, which only its owner may read.
pub(super) fn create_new(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(OWNER_ONLY);
    options.open(file)
}

pub(super) fn true_name(file: &Path) -> Result<PathBuf, Why> {
    match fs::canonicalize(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        name => return name.map_err(Why::Access),
    }
    let parent = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = fs::canonicalize(parent.unwrap_or(Path::new(".")));
    let directory = directory.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Why::NoDirectory,
        _ => Why::Access(error),
    })?;
    let name = file.file_name().ok_or(Why::NoDirectory)?;
    Ok(directory.join(name))
}

/// The lock's file stays when the lock ends: removed, it could be taken twice. A link is not followed, because the file is
/// written to; a pipe would wait for a reader.
fn lock(file: &Path) -> Result<File, Why> {
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
        let unfit = found.and_then(|found| may_be_lock(file, &found).err());
        unfit.unwrap_or(Why::Access(error))
    })?;
    may_be_lock(file, &lock.metadata().map_err(Why::Access)?)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Why::InUse),
        Err(TryLockError::Error(error)) => Err(Why::Access(error)),
    }
}

/// Checks that what was found at the place of a lock can be one. What has a second name may be anybody's file.
pub(super) fn may_be_lock(file: &Path, found: &Metadata) -> Result<(), Why> {
    if found.is_file() && found.nlink() == 1 {
        Ok(())
    } else {
        Err(Why::NoLock(file.to_owned()))
    }
}

/// Lets the user whose directory it is open the files that root makes. SQLite gives the files that it adds the mode and the
/// owner of this one.
fn own(file: &Path, directory: &Path, lock: &File) -> Result<(), Why> {
    match create_new(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => give_to_owner_of(&made.map_err(Why::Access)?, directory).map_err(Why::Access)?,
    }
    give_to_owner_of(lock, file).map_err(Why::Access)?;
    for file in [file.to_owned(), beside(file, "-wal"), beside(file, "-shm")] {
        match fs::set_permissions(file, Permissions::from_mode(OWNER_ONLY)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Why::Access(error)),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
pub(super) fn network(directory: &Path) -> Result<Option<&'static str>, Why> {
    let system = rustix::fs::statfs(directory).map_err(|error| Why::Access(error.into()))?;
    // The type is 32 bits, kept in a wider or signed number on some machines.
    Ok(name_of_network(system.f_type as u32))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn network(_: &Path) -> Result<Option<&'static str>, Why> {
    Ok(None)
}

/// As in `linux/magic.h`, and the manuals of those that are not in it.
#[cfg(target_os = "linux")]
fn name_of_network(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0x6969 => "NFS",
        0x517B => "SMB",
        0xFF53_4D42 | 0xFE53_4D42 => "CIFS",
        0x0102_1997 => "9p",
        0x6573_5546 => "FUSE",
        0x00C3_6400 => "CephFS",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x564C => "NCP",
        0x0BD0_0BD0 => "Lustre",
        0x786F_4256 => "VirtualBox",
        _ => return None,
    })
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
        let taken = take(&file).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for name in [&file, &link] {
            assert!(matches!(take(name).unwrap_err().why, Why::InUse));
        }
        drop(taken);
        take(&link).unwrap();
    }

    #[test]
    fn a_file_that_others_could_read_is_closed_to_them() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("inbox.db");
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        drop(take(&file).unwrap());
        assert_eq!(mode(&file), OWNER_ONLY);
        assert_eq!(mode(&beside(&file, ".lock")), OWNER_ONLY);
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        take(&file).unwrap();
        assert_eq!(mode(&file), OWNER_ONLY);
    }

    #[test]
    fn a_missing_directory_and_one_in_the_way_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("not/there/inbox.db");
        let error = take(&missing).unwrap_err();
        assert!(matches!(error.why, Why::NoDirectory));
        assert!(error.to_string().contains(missing.to_str().unwrap()));
        let in_the_way = directory.path().join("file");
        fs::write(&in_the_way, "").unwrap();
        let error = take(&in_the_way.join("inbox.db")).unwrap_err();
        assert!(matches!(error.why, Why::Access(_)), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_file_systems_are_known_by_their_number_and_disks_are_not() {
        for (number, name) in [
            (0x6969, "NFS"),
            (0xFF53_4D42, "CIFS"),
            (0x6573_5546, "FUSE"),
        ] {
            assert_eq!(name_of_network(number), Some(name));
        }
        let disks = [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630];
        assert!(disks.iter().all(|disk| name_of_network(*disk).is_none()));
        assert!(matches!(network(Path::new("/proc")), Ok(None)));
    }
}
