//! The names of the files: `20261124T181614Z-019….http`, so that a listing is in order of time.

use std::time::UNIX_EPOCH;

use uuid::Uuid;

use crate::delivery::arrival_time;

/// The endings of the marks beside a saved rejection.
const FORWARDED: &str = ".forwarded";
const LATE: &str = ".late";

/// Returns the file name of the saved rejection with this id.
pub(super) fn of(id: Uuid) -> String {
    let received = arrival_time(id).unwrap_or(UNIX_EPOCH);
    let time = crate::text::rfc3339::seconds(received);
    format!("{}-{id}.http", time.replace(['-', ':'], ""))
}

/// Returns the name of the file while it is written. No listing of `*.http` shows it.
pub(super) fn unfinished(id: Uuid) -> String {
    format!(".{}.part", of(id))
}

/// Returns the name of the file whose presence beside it marks the saved rejection as forwarded.
pub(super) fn forwarded(id: Uuid) -> String {
    of(id).replace(".http", FORWARDED)
}

/// Returns the name of the file whose presence beside it marks the saved rejection as one that
/// verifies by now and waits to be delivered.
pub(super) fn late(id: Uuid) -> String {
    of(id).replace(".http", LATE)
}

/// Parses the id in the name of a mark.
pub(super) fn marked_id(file: &str) -> Option<Uuid> {
    let mut endings = [FORWARDED, LATE].into_iter();
    let stem = endings.find_map(|ending| file.strip_suffix(ending))?;
    id(&format!("{stem}.http"))
}

/// Parses the id in a file's name. Returns `None` if the gate would give the file another name.
pub(super) fn id(file: &str) -> Option<Uuid> {
    let (_, id) = file.strip_suffix(".http")?.split_once('-')?;
    let id = Uuid::try_parse(id).ok()?;
    (arrival_time(id).is_some() && of(id) == file).then_some(id)
}

/// Parses the id in the name of an unfinished file.
pub(super) fn unfinished_id(file: &str) -> Option<Uuid> {
    id(file.strip_prefix('.')?.strip_suffix(".part")?)
}
