//! Binds the write-ahead log to its database file. SQLite replays any log that it finds beside a
//! file, also the log of the file that lay there before a backup was put in its place, and so mixes
//! two stores.
//!
//! The header of the database file holds a stamp, in the upper bits of `user_version`. The first
//! transaction of each log raises it by one. So the file to which a log belongs has the stamp
//! before the log's first one, or a slightly later one if part of the log was already moved into
//! the file. A backup gets a random stamp of its own.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt as _,
    path::Path,
};

use rusqlite::Connection;
use uuid::Uuid;

use super::{
    file::LockedFile,
    header::{self, PAGE_SIZE},
    open_error::OpenErrorKind,
    path::with_suffix,
};

/// Bits of `user_version` that hold the version of the schema. The sign bit stays clear.
const VERSION_BITS: u32 = 8;
const STAMPS: u32 = 1 << (31 - VERSION_BITS);

/// Stamps that one log may hold. A log gets one more whenever it is checkpointed while a reader
/// keeps it from being begun anew.
const STAMPS_IN_ONE_LOG: u32 = 1024;

/// Bytes of the header of a log, and of each frame, which holds one page.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const LOG_MAGIC: [u32; 2] = [0x377f_0682, 0x377f_0683];

/// Returns the version of the schema in a `user_version`.
pub(super) fn version(user_version: u32) -> u32 {
    user_version & ((1 << VERSION_BITS) - 1)
}

/// Returns a `user_version` with a random stamp.
pub(super) fn random(version: u32) -> u32 {
    // The last bytes of a UUID of version 7 are random.
    let (_, random) = Uuid::now_v7().as_u64_pair();
    join(random as u32 % STAMPS, version)
}

/// Raises the stamp, in a transaction that may be the first one of a log.
pub(super) fn raise(db: &Connection) -> rusqlite::Result<()> {
    let user_version = read(db)?;
    let raised = (stamp(user_version) + 1) % STAMPS;
    write(db, join(raised, version(user_version)))
}

/// Gives a copy another stamp, so that SQLite never replays the log of the original into it.
pub(super) fn replace(db: &Connection) -> rusqlite::Result<()> {
    let version = version(read(db)?);
    write(db, random(version))
}

/// Reads the `user_version` of an open database.
pub(super) fn read(db: &Connection) -> rusqlite::Result<u32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Writes the `user_version` of an open database.
pub(super) fn write(db: &Connection, user_version: u32) -> rusqlite::Result<()> {
    db.pragma_update(None, "user_version", user_version)
}

/// Checks that the log beside a file belongs to that file, before SQLite opens either.
///
/// # Errors
///
/// [`OpenErrorKind::ForeignWal`] if it does not; [`OpenErrorKind::Access`] if one of them cannot be
/// read.
pub(super) fn check(file: &LockedFile) -> Result<(), OpenErrorKind> {
    let log = with_suffix(&file.path, "-wal");
    match belongs(&file.path, &log) {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenErrorKind::ForeignWal),
        Err(error) => Err(OpenErrorKind::Access(error)),
    }
}

fn belongs(file: &Path, log: &Path) -> io::Result<bool> {
    let Some(first) = first_in_log(log)? else {
        return Ok(true);
    };
    let file = File::open(file)?;
    match user_version(&file)? {
        Some(found) => Ok(is_before(found, first) || is_new(&file, found)?),
        // SQLite would delete the log of an empty file.
        None => Ok(false),
    }
}

fn join(stamp: u32, version: u32) -> u32 {
    stamp << VERSION_BITS | version
}

fn stamp(user_version: u32) -> u32 {
    user_version >> VERSION_BITS
}

/// Whether a file with this `user_version` may have a log that begins with that one.
fn is_before(file: u32, log: u32) -> bool {
    let ahead = (stamp(file) + 1 + STAMPS - stamp(log)) % STAMPS;
    ahead < STAMPS_IN_ONE_LOG
}

/// Whether the file has its first page alone, because all of its tables are still in its first log.
fn is_new(file: &File, user_version: u32) -> io::Result<bool> {
    Ok(user_version == 0 && file.metadata()?.len() <= u64::from(PAGE_SIZE))
}

/// Reads the `user_version` of a database file. Returns `None` if the file has no header.
fn user_version(file: &File) -> io::Result<Option<u32>> {
    let header = read_at::<{ header::LENGTH }>(file, 0)?;
    Ok(header.map(|header| number(&header, header::USER_VERSION)))
}

/// Reads the first `user_version` of a log. Returns `None` if SQLite would replay none from it.
fn first_in_log(log: &Path) -> io::Result<Option<u32>> {
    let log = match File::open(log) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let Some(header) = read_at::<LOG_HEADER>(&log, 0)? else {
        return Ok(None);
    };
    let (page, salts) = (number(&header, 8), &header[16..24]);
    if !LOG_MAGIC.contains(&number(&header, 0)) {
        return Ok(None);
    }
    let mut at = LOG_HEADER as u64;
    // Frames of an older log, whose salts differ, may follow.
    while let Some(frame) = read_at::<FRAME_HEADER>(&log, at)?
        && frame[8..16] == *salts
    {
        at += FRAME_HEADER as u64;
        if number(&frame, 0) == 1 {
            let first = read_at::<{ header::LENGTH }>(&log, at)?;
            return Ok(first.map(|header| number(&header, header::USER_VERSION)));
        }
        at += u64::from(page);
    }
    Ok(None)
}

/// Reads bytes at an offset. Returns `None` if the file ends before.
fn read_at<const LENGTH: usize>(file: &File, at: u64) -> io::Result<Option<[u8; LENGTH]>> {
    let mut bytes = [0; LENGTH];
    match file.read_exact_at(&mut bytes, at) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        read => read.map(|()| Some(bytes)),
    }
}

/// Reads a number of a header that is whole.
fn number(header: &[u8], offset: usize) -> u32 {
    header::number(header, offset).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_follows_the_stamp_of_its_file_and_of_no_other() {
        let at = |stamp| join(stamp, 1);
        for (file, log) in [(6, 7), (7, 7), (8, 7), (STAMPS - 1, 0), (0, STAMPS - 1)] {
            assert!(is_before(at(file), at(log)), "{file} {log}");
        }
        for (file, log) in [(5, 7), (0, 7), (2000, 7), (STAMPS - 2, 0)] {
            assert!(!is_before(at(file), at(log)), "{file} {log}");
        }
        assert_eq!(version(join(STAMPS - 1, 3)), 3);
        assert!(i32::try_from(join(STAMPS - 1, 255)).is_ok());
    }

    #[test]
    fn a_log_without_a_whole_frame_holds_no_stamp() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        assert_eq!(first_in_log(&log).unwrap(), None);
        let mut bytes = LOG_MAGIC[0].to_be_bytes().to_vec();
        bytes.resize(LOG_HEADER, 0);
        let frame = |page: u32| {
            let mut frame = page.to_be_bytes().to_vec();
            frame.resize(FRAME_HEADER + header::LENGTH, 0);
            frame
        };
        for (written, expected) in [
            (b"no log".to_vec(), None),
            (bytes.clone(), None),
            ([&bytes[..], &frame(1)[..50]].concat(), None),
            ([bytes, frame(1)].concat(), Some(0)),
        ] {
            std::fs::write(&log, written).unwrap();
            assert_eq!(first_in_log(&log).unwrap(), expected);
        }
    }
}
