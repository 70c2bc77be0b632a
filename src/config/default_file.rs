//! The configuration file of a command that names none: `./cartgate.toml`, else
//! `/etc/cartgate/cartgate.toml`.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::{
    secret::private_file::{Exposure, exposures},
    text::file_error::file_error,
};

/// The file of the working directory.
pub const IN_DIRECTORY: &str = "./cartgate.toml";

/// The file of the machine.
pub const OF_SYSTEM: &str = "/etc/cartgate/cartgate.toml";

/// Returns the first of the two files that exists.
///
/// # Errors
///
/// A message if the file cannot be read, or if another user could have written it: a gate that is
/// started in `/tmp` must not obey a stranger.
pub fn find() -> Result<Option<PathBuf>, String> {
    for path in [IN_DIRECTORY, OF_SYSTEM].map(Path::new) {
        match check(path) {
            Ok(()) => return Ok(Some(path.to_owned())),
            Err(Unusable::Unreadable(error)) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.message(path)),
        }
    }
    Ok(None)
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

/// Checks that the file exists, and that only this user and root can change it.
fn check(path: &Path) -> Result<(), Unusable> {
    let found = fs::symlink_metadata(path)?;
    // A link of a stranger would choose the file, whoever owns its target.
    let own = rustix::process::geteuid().as_raw();
    if ![0, own].contains(&found.uid()) {
        return Err(Unusable::Exposed(Exposure::Owner { uid: found.uid() }));
    }
    let file = fs::File::open(path)?.metadata()?;
    let mut exposures = exposures(path, &file).into_iter();
    match exposures.find(Exposure::lets_change) {
        Some(exposure) => Err(Unusable::Exposed(exposure)),
        None => Ok(()),
    }
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
