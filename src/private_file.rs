//! Reads a file that only its owner should read: a secret, a key. Never more than can be one, and with
//! word of whether other users of the machine can read it too. What the bytes mean is the caller's.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    path::Path,
};

/// What a file holds.
pub(crate) struct PrivateFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) others_can_read: bool,
}

/// The file at `path`, up to `most` bytes of it; none if there are more: it is the wrong file, perhaps an
/// endless one.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Option<PrivateFile>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then(|| PrivateFile {
        bytes,
        others_can_read: others_can_read(&metadata),
    }))
}

/// Pipes and devices have modes too, but nobody else can read what passes through them to us.
#[cfg(unix)]
fn others_can_read(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    const GROUP_OR_OTHERS_READ: u32 = 0o044;
    metadata.is_file() && metadata.permissions().mode() & GROUP_OR_OTHERS_READ != 0
}

#[cfg(not(unix))]
fn others_can_read(_: &Metadata) -> bool {
    false
}
