//! Binds the write-ahead log to its database file. SQLite replays any log that it finds beside a file, also the log of the
//! file that lay there before a backup was put in its place, and so mixes two stores.
//!
//! The header of the database file holds a stamp, in the upper bits of `user_version`. The first transaction of each log
//! raises it by one. So the file to which a log belongs has the stamp before the log's first one, or a slightly later one if
//! part of the log was already moved into the file. A backup gets a random stamp of its own.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt as _,
    path::Path,
};

use rusqlite::Connection;
use uuid::Uuid;

use super::{
    file::{Taken, beside},
    open_error::Why,
    schema::PAGE,
};

/// Bits of `user_version` that hold the version of the schema. The sign bit stays clear.
const VERSION_BITS: u32 = 8;
const STAMPS: u32 = 1 << (31 - VERSION_BITS);

/// Stamps that one log may hold: it gets one more whenever it is moved while a reader keeps it from being begun anew.
const IN_ONE_LOG: u32 = 1024;

/// Places in the file's header, which is the beginning of its first page.
const USER_VERSION: usize = 60;
const HEADER: usize = 100;

/// The header of a log, and of each page in it.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const LOG_MAGIC: [u32; 2] = [0x377f_0682, 0x377f_0683];

/// The version of the schema in a `user_version`.
pub(super) fn version(user_version: u32) -> u32 {
    user_version & ((1 << VERSION_BITS) - 1)
}

/// A `user_version` with a random stamp.
pub(super) fn random(version: u32) -> u32 {
    // The last bytes of such an id are random.
    let (_, random) = Uuid::now_v7().as_u64_pair();
    joined(random as u32 % STAMPS, version)
}

/// Raises the stamp, in a transaction that may be the first one of a log.
pub(super) fn raise(db: &Connection) -> rusqlite::Result<()> {
    let user_version = read(db)?;
    let raised = (stamp(user_version) + 1) % STAMPS;
    write(db, joined(raised, version(user_version)))
}

/// Gives a copy another stamp, so that the log of the original is never replayed into it.
pub(super) fn replace(db: &Connection) -> rusqlite::Result<()> {
    let version = version(read(db)?);
    write(db, random(version))
}

pub(super) fn read(db: &Connection) -> rusqlite::Result<u32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

pub(super) fn write(db: &Connection, user_version: u32) -> rusqlite::Result<()> {
    db.pragma_update(None, "user_version", user_version)
}

/// Makes sure that the log beside a file is the log of that file, before SQLite opens either.
///
/// # Errors
///
/// [`Why::OtherLog`] if it is not, and when one of them cannot be read.
pub(super) fn check(taken: &Taken) -> Result<(), Why> {
    let Some(first) = first_in_log(&beside(&taken.file, "-wal")).map_err(Why::Access)? else {
        return Ok(());
    };
    let file = File::open(&taken.file).map_err(Why::Access)?;
    let belongs = match header(&file).map_err(Why::Access)? {
        Some(found) => is_before(found, first) || is_new(&file, found).map_err(Why::Access)?,
        // SQLite would delete the log of an empty file.
        None => false,
    };
    if belongs { Ok(()) } else { Err(Why::OtherLog) }
}

fn joined(stamp: u32, version: u32) -> u32 {
    stamp << VERSION_BITS | version
}

fn stamp(user_version: u32) -> u32 {
    user_version >> VERSION_BITS
}

/// Whether a file with this `user_version` may have a log that begins with that one.
fn is_before(file: u32, log: u32) -> bool {
    let ahead = (stamp(file) + 1 + STAMPS - stamp(log)) % STAMPS;
    ahead < IN_ONE_LOG
}

/// Whether the file has a first page and nothing else, so that all of its tables are still in its first log.
fn is_new(file: &File, user_version: u32) -> io::Result<bool> {
    Ok(user_version == 0 && file.metadata()?.len() <= u64::from(PAGE))
}

/// The `user_version` of a database file; none if the file has no header.
fn header(file: &File) -> io::Result<Option<u32>> {
    let header = read_at::<HEADER>(file, 0)?;
    Ok(header.map(|header| number(&header, USER_VERSION)))
}

/// The first `user_version` that a log holds; none if it holds none that SQLite would replay.
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
    // Pages of an older log, whose salts differ, may follow.
    while let Some(frame) = read_at::<FRAME_HEADER>(&log, at)?
        && frame[8..16] == *salts
    {
        at += FRAME_HEADER as u64;
        if number(&frame, 0) == 1 {
            let first = read_at::<HEADER>(&log, at)?;
            return Ok(first.map(|header| number(&header, USER_VERSION)));
        }
        at += u64::from(page);
    }
    Ok(None)
}

/// So many bytes from a place; none if the file ends before.
fn read_at<const LENGTH: usize>(file: &File, at: u64) -> io::Result<Option<[u8; LENGTH]>> {
    let mut bytes = [0; LENGTH];
    match file.read_exact_at(&mut bytes, at) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        read => read.map(|()| Some(bytes)),
    }
}

/// Four bytes as SQLite writes a number.
fn number(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..].first_chunk().copied();
    u32::from_be_bytes(bytes.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_follows_the_stamp_of_its_file_and_of_no_other() {
        let at = |stamp| joined(stamp, 1);
        for (file, log) in [(6, 7), (7, 7), (8, 7), (STAMPS - 1, 0), (0, STAMPS - 1)] {
            assert!(is_before(at(file), at(log)), "{file} {log}");
        }
        for (file, log) in [(5, 7), (0, 7), (2000, 7), (STAMPS - 2, 0)] {
            assert!(!is_before(at(file), at(log)), "{file} {log}");
        }
        assert_eq!(version(joined(STAMPS - 1, 3)), 3);
        assert!(i32::try_from(joined(STAMPS - 1, 255)).is_ok());
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
            frame.resize(FRAME_HEADER + HEADER, 0);
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
