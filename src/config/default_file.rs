//! The configuration file of a command that names none: `./cartgate.toml`, else
//! `/etc/cartgate/cartgate.toml`.

use std::{
    fs::{self, Metadata},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{
    secret::private_file::{Exposure, exposures},
    text::file_error::file_error,
};

const GROUP_WRITE: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// The file of the working directory.
pub const IN_DIRECTORY: &str = "./cartgate.toml";

/// The file of the machine.
pub const OF_SYSTEM: &str = "/etc/cartgate/cartgate.toml";

/// Returns the first of the two files that exists.
///
/// # Errors
///
/// A message if the file cannot be read, or if another user could have written it.
pub fn find() -> Result<Option<PathBuf>, String> {
    for path in [IN_DIRECTORY, OF_SYSTEM].map(Path::new) {
        match examine(path) {
            Ok(()) => return Ok(Some(path.to_owned())),
            Err(Unusable::Unreadable(error)) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.message(path)),
        }
    }
    Ok(None)
}

/// Checks that the file exists, and that only this user and root can change or replace it: a gate
/// that is started in `/tmp` must not obey a stranger.
///
/// # Errors
///
/// A message with the next step.
pub fn check(path: &Path) -> Result<(), String> {
    examine(path).map_err(|error| error.message(path))
}

enum Unusable {
    Unreadable(io::Error),
    Exposed(Exposure),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl Unusable {
    fn message(&self, path: &Path) -> String {
        let shown = path.display();
        match self {
            Self::Unreadable(error) => cannot_read(path, error),
            Self::Exposed(Exposure::Mode { .. }) => format!(
                "{shown} is not used, because other users can change it; run `chmod go-w {shown}`, or name it with --config"
            ),
            Self::Exposed(Exposure::Owner { uid }) => format!(
                "{shown} is not used, because it belongs to user {uid}; name it with --config if you trust it"
            ),
            Self::Exposed(Exposure::Directory { path }) => format!(
                "{shown} is not used, because other users can replace it in {}; move it, or name it with --config",
                path.display()
            ),
        }
    }
}

fn examine(path: &Path) -> Result<(), Unusable> {
    // A link of a stranger would choose the file, whoever owns its target.
    let uid = fs::symlink_metadata(path)?.uid();
    if !is_trusted(uid) {
        return Err(Unusable::Exposed(Exposure::Owner { uid }));
    }
    for file in [path, &fs::canonicalize(path)?] {
        let directory = file.parent().unwrap_or(file);
        if is_replaceable_in(&fs::metadata(directory)?) {
            let path = directory.to_owned();
            return Err(Unusable::Exposed(Exposure::Directory { path }));
        }
    }
    let file = fs::File::open(path)?.metadata()?;
    let mut exposures = exposures(path, &file).into_iter();
    match exposures.find(Exposure::lets_change) {
        Some(exposure) => Err(Unusable::Exposed(exposure)),
        None => Ok(()),
    }
}

fn is_trusted(uid: u32) -> bool {
    [0, geteuid().as_raw()].contains(&uid)
}

/// Returns whether another user can replace a file of this user or of root in the directory. The
/// sticky bit prevents it, except for the owner of the directory. A group with the number of this
/// user is the user's own: some systems let it write everywhere.
fn is_replaceable_in(directory: &Metadata) -> bool {
    let mode = directory.mode();
    let by_group = mode & GROUP_WRITE != 0 && directory.gid() != geteuid().as_raw();
    let by_others = mode & OTHERS_WRITE != 0;
    let is_sticky = mode & STICKY != 0;
    !is_trusted(directory.uid()) || (!is_sticky && (by_group || by_others))
}

/// Returns the message about a configuration file that cannot be read, with the next step.
#[must_use]
pub fn cannot_read(path: &Path, error: &io::Error) -> String {
    let reason = match error.kind() {
        ErrorKind::NotFound => {
            "there is no such file; check the path, or write one with `cartgate init`".to_owned()
        }
        _ => file_error(error),
    };
    format!("cannot read {}: {reason}", path.display())
}
