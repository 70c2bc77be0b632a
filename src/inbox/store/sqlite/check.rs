//! Checks whether the store in a file can be opened. The check creates, locks and changes nothing,
//! so that `cartgate check` can run beside a gate.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use rustix::fs::{Access, access};

use super::{
    file::check_lock,
    header, network,
    open_error::{OpenError, OpenErrorKind},
    path::{canonical, with_suffix},
    stamp,
};
use crate::inbox::store::schema_version;

/// Checks whether the store in a file can be opened.
///
/// # Errors
///
/// When it cannot, for any reason that does not pass by itself.
pub(crate) fn check(file: &Path) -> Result<(), OpenError> {
    try_check(file).map_err(|kind| kind.at(file))
}

/// Whether there is a log beside the file, so that the file alone does not show the state of the
/// store.
pub(super) fn has_wal(file: &Path) -> bool {
    fs::metadata(with_suffix(file, "-wal")).is_ok_and(|wal| wal.len() > 0)
}

fn try_check(file: &Path) -> Result<(), OpenErrorKind> {
    let file = canonical(file)?;
    check_directory(file.parent().unwrap_or(Path::new("/")))?;
    let lock = with_suffix(&file, ".lock");
    if let Ok(found) = fs::symlink_metadata(&lock) {
        check_lock(&lock, &found)?;
        check_access(&lock, Access::WRITE_OK)?;
    }
    match fs::metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(OpenErrorKind::Access(error)),
        Ok(found) if !found.is_file() => {
            let error = io::Error::other("it is not a regular file");
            Err(OpenErrorKind::Access(error))
        }
        Ok(_) => check_file(&file),
    }
}

fn check_directory(directory: &Path) -> Result<(), OpenErrorKind> {
    network::reject(directory)?;
    check_access(directory, Access::WRITE_OK | Access::EXEC_OK)
}

fn check_file(file: &Path) -> Result<(), OpenErrorKind> {
    check_access(file, Access::READ_OK | Access::WRITE_OK)?;
    if has_wal(file) {
        return Ok(());
    }
    let mut header = Vec::new();
    let opened = File::open(file).map_err(OpenErrorKind::Access)?;
    let read = opened.take(header::LENGTH as u64).read_to_end(&mut header);
    read.map_err(OpenErrorKind::Access)?;
    check_header(&header)
}

fn check_access(path: &Path, mode: Access) -> Result<(), OpenErrorKind> {
    access(path, mode).map_err(|error| OpenErrorKind::Access(error.into()))
}

fn check_header(header: &[u8]) -> Result<(), OpenErrorKind> {
    if header.is_empty() {
        return Ok(());
    }
    let version = header::number(header, header::USER_VERSION);
    let application = header::number(header, header::APPLICATION_ID);
    let (Some(version), Some(application)) = (version, application) else {
        return Err(OpenErrorKind::Foreign);
    };
    let is_inbox = application == header::INBOX;
    // A file without an application id may be empty, which only SQLite can tell.
    if !header.starts_with(header::MAGIC) || !is_inbox && application != 0 {
        return Err(OpenErrorKind::Foreign);
    }
    if is_inbox {
        schema_version::check(stamp::version(version))?;
    }
    Ok(())
}
