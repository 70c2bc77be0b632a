//! Paths of a store's files.

use std::{
    ffi::OsString,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::open_error::OpenErrorKind;

/// Returns the path of a companion file, such as `FILE-wal`.
pub(super) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

/// Resolves all links in the path of a file that may not exist yet.
pub(super) fn canonical(file: &Path) -> Result<PathBuf, OpenErrorKind> {
    match fs::canonicalize(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        name => return name.map_err(OpenErrorKind::Access),
    }
    let parent = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = fs::canonicalize(parent.unwrap_or(Path::new(".")));
    let directory = directory.map_err(|error| match error.kind() {
        ErrorKind::NotFound => OpenErrorKind::NoDirectory,
        _ => OpenErrorKind::Access(error),
    })?;
    let name = file.file_name().ok_or(OpenErrorKind::NoDirectory)?;
    Ok(directory.join(name))
}
