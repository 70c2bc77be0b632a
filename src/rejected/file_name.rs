//! The names of the files: `20261124T181614Z-019….http`, so that a listing is in order of time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

const FORWARDED: &str = ".forwarded";

/// Returns the file name of the saved rejection with this id.
pub(super) fn of(id: Uuid) -> String {
    let received = received_at(id).unwrap_or(UNIX_EPOCH);
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

/// Parses the id in the name of such a mark.
pub(super) fn forwarded_id(file: &str) -> Option<Uuid> {
    id(&format!("{}.http", file.strip_suffix(FORWARDED)?))
}

/// Parses the id in a file's name. Returns `None` if the gate would give the file another name.
pub(super) fn id(file: &str) -> Option<Uuid> {
    let (_, id) = file.strip_suffix(".http")?.split_once('-')?;
    let id = Uuid::try_parse(id).ok()?;
    (received_at(id).is_some() && of(id) == file).then_some(id)
}

/// Parses the id in the name of an unfinished file.
pub(super) fn unfinished_id(file: &str) -> Option<Uuid> {
    id(file.strip_prefix('.')?.strip_suffix(".part")?)
}

/// Returns the time in an id: when the gate received the request. Returns `None` for an id that no
/// gate makes. Times from the year 10000 on have no RFC 3339 form.
pub(super) fn received_at(id: Uuid) -> Option<SystemTime> {
    const YEAR_10000: u64 = 253_402_300_800;
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    let is_ours = id.get_version_num() == 7 && seconds < YEAR_10000;
    is_ours.then(|| UNIX_EPOCH + Duration::new(seconds, nanoseconds))
}
