//! The key beside an SQLite file: read, or made at the first start. The sealer uses it. A
//! PostgreSQL store has no such file, because several gates share the store and must be given the
//! same key.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::rand::{SecureRandom as _, SystemRandom};
use tower_cartgate::Secret;
use zeroize::Zeroizing;

use crate::secret::private_file::{self, Exposure};

/// The name under which a store holds the check value of its key.
pub(super) const KEY_CHECK: &str = "key";

/// The random bytes of a key.
const BYTES: usize = 32;

/// The limit of a key file: more than the text of a key and a line ending.
const LONGEST: u64 = 64;

/// The key beside a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the key of the inbox, {}: {kind}", .file.display())]
pub(crate) struct KeyError {
    file: PathBuf,
    kind: KeyErrorKind,
}

#[derive(Debug, thiserror::Error)]
enum KeyErrorKind {
    #[error(
        "it is missing, although the store exists: without its key, stored events cannot be told from forged ones; put it back, or move the store away"
    )]
    Missing,
    #[error("{0}. A process that reads the key can forge events")]
    Exposed(Exposure),
    #[error(
        "it is no key that Cartgate made; put the right one back, or delete it if the store has never been used"
    )]
    Malformed,
    #[error("the system gives no random bytes")]
    Random,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Returns the path of the key of a store in `file`: `FILE.key`.
pub(crate) fn path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// Returns the key beside the store in `file`. `is_new` states that there is no store yet, so that
/// a key may be made. A new key is synced to the disk before any event can be.
///
/// # Errors
///
/// When the key of an existing store is missing, others can read it, or the file holds no key.
pub(crate) fn beside(file: &Path, is_new: bool) -> Result<Secret, KeyError> {
    let path = path(file);
    let key = match read(&path) {
        Err(KeyErrorKind::Missing) if is_new => match make(&path) {
            // Another process has just made it.
            Err(KeyErrorKind::Io(error)) if error.kind() == ErrorKind::AlreadyExists => read(&path),
            made => made,
        },
        found => found,
    };
    key.map_err(|kind| KeyError { file: path, kind })
}

fn read(path: &Path) -> Result<Secret, KeyErrorKind> {
    let found = private_file::read(path, LONGEST).map_err(|error| match error.kind() {
        ErrorKind::NotFound => KeyErrorKind::Missing,
        _ => KeyErrorKind::Io(error),
    })?;
    let found = found.ok_or(KeyErrorKind::Malformed)?;
    let text = Zeroizing::new(found.bytes);
    let as_root = rustix::process::geteuid().is_root();
    for exposure in found.exposures {
        match exposure {
            // Root maintains the stores of other users.
            Exposure::Owner { .. } if as_root => {}
            Exposure::Directory { .. } => {
                tracing::warn!(file = %path.display(), cause = %exposure, "inbox key is not safe");
            }
            exposure => return Err(KeyErrorKind::Exposed(exposure)),
        }
    }
    let key = Secret::from_line(text.as_slice()).map_err(|_| KeyErrorKind::Malformed)?;
    let mut room = Zeroizing::new([0; BYTES.next_multiple_of(3)]);
    match STANDARD.decode_slice(key.expose(), room.as_mut_slice()) {
        Ok(BYTES) => Ok(key),
        _ => Err(KeyErrorKind::Malformed),
    }
}

fn make(path: &Path) -> Result<Secret, KeyErrorKind> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    SystemRandom::new()
        .fill(bytes.as_mut_slice())
        .map_err(|_| KeyErrorKind::Random)?;
    let mut line = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
    line.push('\n');
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    private_file::give_to_owner_of(&file, parent)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    // The directory entry needs a sync of its own.
    File::open(parent)?.sync_all()?;
    Secret::from_line(line.as_bytes()).map_err(|_| KeyErrorKind::Malformed)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn rejection(file: &Path, is_new: bool) -> String {
        beside(file, is_new).expect_err("rejected").to_string()
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("inbox.db");
        let made = beside(&file, true).expect("made");
        let mode = fs::metadata(path(&file))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(path(&file), dir.path().join("inbox.db.key"));
        for is_new in [true, false] {
            let read = beside(&file, is_new).expect("read");
            assert_eq!(read.expose(), made.expose());
        }
        let other = beside(&dir.path().join("other.db"), true).expect("made");
        assert_ne!(other.expose(), made.expose());
    }

    #[test]
    fn none_is_made_for_a_store_that_is_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("inbox.db");
        assert!(rejection(&file, false).contains("missing"));
        assert!(!path(&file).exists());
    }

    #[test]
    fn a_key_that_others_read_and_what_is_none_is_refused_without_its_text() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("inbox.db");
        beside(&file, true).expect("made");
        fs::set_permissions(path(&file), fs::Permissions::from_mode(0o604)).expect("set");
        assert!(rejection(&file, false).contains("chmod 600"));
        fs::set_permissions(path(&file), fs::Permissions::from_mode(0o600)).expect("set");
        let long = "A".repeat(100);
        for text in ["", "\n", "planted", "cGxhbnRlZA==", &long] {
            fs::write(path(&file), text).expect("written");
            for is_new in [true, false] {
                let rejection = rejection(&file, is_new);
                assert!(rejection.contains("no key"), "{rejection}");
                assert!(!rejection.contains("planted"), "{rejection}");
            }
        }
    }
}
