//! Reads files that only their owner should read or change, such as a secret or a key. Limits the
//! size, and reports how other users can access the file.

use std::{
    fmt,
    fs::{self, File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, fchown},
    path::{Path, PathBuf},
};

use rustix::process::{Gid, getegid, geteuid, getgroups};

const GROUP_READ: u32 = 0o040;
const OTHERS_READ: u32 = 0o004;
const GROUP_OR_OTHERS_WRITE: u32 = 0o022;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// The content of a private file.
pub(crate) struct PrivateFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) exposures: Vec<Exposure>,
}

/// A way in which other users of this machine can access a private file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// The file's mode lets them read or change it.
    Mode {
        /// They can read it.
        read: bool,
        /// They can change it.
        write: bool,
    },
    /// The owner can change the file, and is neither root nor the user of this process.
    Owner {
        /// The user id of the owner.
        uid: u32,
    },
    /// The mode of the directory lets them replace the file.
    Directory {
        /// The directory.
        path: PathBuf,
    },
}

impl Exposure {
    /// Returns whether other users can change the content, rather than only read it.
    pub(crate) fn lets_change(&self) -> bool {
        !matches!(self, Self::Mode { write: false, .. })
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode { read, write } => {
                let can = match (read, write) {
                    (true, true) => "read and change",
                    (false, true) => "change",
                    _ => "read",
                };
                write!(
                    f,
                    "other users of this machine can {can} the file; chmod 600 it"
                )
            }
            Self::Owner { uid } => write!(
                f,
                "the file belongs to user {uid}, who can change it; chown it to the gate's user or to root"
            ),
            Self::Directory { path } => write!(
                f,
                "other users of this machine can replace the file, because they can write to its directory {}; chmod o-w it",
                path.display()
            ),
        }
    }
}

/// Reads the file at `path`. Returns none if it is longer than `limit` bytes: it is the wrong file,
/// perhaps an endless one.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Option<PrivateFile>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then(|| PrivateFile {
        bytes,
        exposures: exposures(path, &metadata),
    }))
}

/// Returns whether other users of this machine can write into the directory. The sticky bit
/// prevents that they remove the files of others, but not that they add files.
pub(crate) fn is_open_to_others(directory: &Metadata) -> bool {
    directory.is_dir() && directory.mode() & OTHERS_WRITE != 0
}

/// Changes the owner of a file or directory that root has created to the owner of `place`, the directory or file
/// that it belongs to. Otherwise the user of the store could not open it. Does nothing for other
/// users than root, or for a file with a second hard link, which may be anywhere.
pub(crate) fn give_to_owner_of(file: &File, place: &Path) -> io::Result<()> {
    let (own, owner) = (file.metadata()?, fs::metadata(place)?);
    if !geteuid().is_root() || own.uid() == owner.uid() || (!own.is_dir() && own.nlink() != 1) {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

/// Returns how other users can access the file. Ignores pipes and devices: nobody else can read the
/// bytes that this process reads from them.
pub(crate) fn exposures(path: &Path, file: &Metadata) -> Vec<Exposure> {
    if !file.is_file() {
        return Vec::new();
    }
    let (mode, uid) = (file.mode(), file.uid());
    let by_group = mode & GROUP_READ != 0 && !is_own_group(file.gid());
    let read = mode & OTHERS_READ != 0 || by_group;
    let write = mode & GROUP_OR_OTHERS_WRITE != 0;
    let is_foreign = uid != 0 && uid != geteuid().as_raw() && !is_of_service(path, file);
    let all = [
        (read || write).then_some(Exposure::Mode { read, write }),
        is_foreign.then_some(Exposure::Owner { uid }),
        replaceable(path),
    ];
    all.into_iter().flatten().collect()
}

/// Returns whether root reads a file of an account for which root has prepared the directory, as in
/// `/etc/cartgate`. The account may change it, because the gate runs as this account. A group that
/// may write into the directory is one of persons, not of a service.
fn is_of_service(path: &Path, file: &Metadata) -> bool {
    let directory = path.parent().map(fs::metadata);
    let prepared = |directory: Metadata| {
        let writable = directory.mode() & GROUP_OR_OTHERS_WRITE != 0;
        directory.uid() == 0 && directory.gid() == file.gid() && !writable
    };
    geteuid().is_root() && file.gid() != 0 && directory.is_some_and(|one| one.is_ok_and(prepared))
}

/// Returns whether this process is in the group. Its own group may read: Kubernetes grants a pod
/// its secrets only in this way (`fsGroup`), and operators grant keys to the gate in it.
fn is_own_group(gid: u32) -> bool {
    let gid = Gid::from_raw(gid);
    getegid() == gid || getgroups().is_ok_and(|groups| groups.contains(&gid))
}

/// Returns the directory if other users can replace the file in it.
fn replaceable(path: &Path) -> Option<Exposure> {
    let parent = path.parent()?;
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let found = fs::metadata(parent).ok()?;
    let sticky = found.mode() & STICKY != 0;
    (is_open_to_others(&found) && !sticky).then(|| Exposure::Directory {
        path: parent.to_owned(),
    })
}
