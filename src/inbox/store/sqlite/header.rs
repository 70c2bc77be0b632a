//! The header of an SQLite file, which is the beginning of its first page
//! (sqlite.org/fileformat.html).

/// Bytes of a page of an inbox.
pub(super) const PAGE_SIZE: u32 = 8192;

/// Bytes of the header.
pub(super) const LENGTH: usize = 100;

/// The first bytes of every SQLite file.
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";

/// The offset of the `user_version`.
pub(super) const USER_VERSION: usize = 60;

/// The offset of the `application_id`.
pub(super) const APPLICATION_ID: usize = 68;

/// The `application_id` of an inbox, "Cgat", which distinguishes it from files of other programs.
pub(super) const INBOX: u32 = 0x4367_6174;

/// Reads a number as SQLite writes it: four bytes, most significant first. Returns `None` if the
/// bytes end before.
pub(super) fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..)?.first_chunk().copied();
    bytes.map(u32::from_be_bytes)
}
