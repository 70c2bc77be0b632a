//! Looks at the file of a store without opening it: nothing is made, locked or changed, so that `check` can look beside a
//! running gate.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use rustix::fs::{Access, access};

use super::{
    file::{beside, may_be_lock, network, true_name},
    open_error::{OpenError, Why},
    schema, stamp,
};

/// The first bytes of every SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Places of the schema's version and the program's number in the header (sqlite.org/fileformat.html).
const VERSION: usize = 60;
const APPLICATION: usize = 68;
const HEADER: usize = 100;

/// Judges whether the store in a file could be opened.
///
/// # Errors
///
/// When it could not, for any reason that does not pass by itself.
pub(crate) fn check(file: &Path) -> Result<(), OpenError> {
    try_check(file).map_err(|why| why.of(file))
}

/// The value of a fact in a closed store; none if there is no such store, or another process has it open.
pub(crate) fn read_meta(file: &Path, name: &str) -> Option<Vec<u8>> {
    let file = true_name(file).ok()?;
    if has_log(&file) {
        return None;
    }
    // Unchangeable to SQLite, it is read without the files that a reader shares with a writer.
    let path = file.to_str()?.replace('%', "%25");
    let path = path.replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(format!("file:{path}?immutable=1"), flags).ok()?;
    let fact = "SELECT value FROM meta WHERE name = ?";
    let found = db.query_row(fact, [name], |row| row.get(0));
    found.optional().ok()?
}

fn try_check(file: &Path) -> Result<(), Why> {
    let file = true_name(file)?;
    let directory = file.parent().unwrap_or(Path::new("/"));
    if let Some(network) = network(directory)? {
        return Err(Why::Network(network));
    }
    may(directory, Access::WRITE_OK | Access::EXEC_OK)?;
    let lock = beside(&file, ".lock");
    if let Ok(found) = fs::symlink_metadata(&lock) {
        may_be_lock(&lock, &found)?;
        may(&lock, Access::WRITE_OK)?;
    }
    match fs::metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Why::Access(error)),
        Ok(found) if !found.is_file() => {
            let error = io::Error::other("it is not a regular file");
            return Err(Why::Access(error));
        }
        Ok(_) => {}
    }
    may(&file, Access::READ_OK | Access::WRITE_OK)?;
    // With a log beside it, the header is not the last word.
    if has_log(&file) {
        return Ok(());
    }
    let mut header = Vec::new();
    let opened = File::open(&file).map_err(Why::Access)?;
    let read = opened.take(HEADER as u64).read_to_end(&mut header);
    read.map_err(Why::Access)?;
    judge(&header)
}

fn may(path: &Path, what: Access) -> Result<(), Why> {
    access(path, what).map_err(|error| Why::Access(error.into()))
}

fn has_log(file: &Path) -> bool {
    fs::metadata(beside(file, "-wal")).is_ok_and(|log| log.len() > 0)
}

fn judge(header: &[u8]) -> Result<(), Why> {
    if header.is_empty() {
        return Ok(());
    }
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    let (Some(version), Some(application)) = (number(VERSION), number(APPLICATION)) else {
        return Err(Why::Foreign);
    };
    let ours = i64::from(application) == schema::APPLICATION;
    // Without a number the file may hold nothing yet, which only SQLite can tell.
    if !header.starts_with(MAGIC) || !ours && application != 0 {
        return Err(Why::Foreign);
    }
    if ours {
        schema::judge(stamp::version(version))?;
    }
    Ok(())
}
