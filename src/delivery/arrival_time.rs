//! The time in the id of a delivery.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// Returns the time at which the gate received a delivery. Returns `None` for an id that no gate
/// makes. Times from the year 10000 on have no RFC 3339 form.
pub(crate) fn arrival_time(id: Uuid) -> Option<SystemTime> {
    const YEAR_10000: u64 = 253_402_300_800;
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    let is_ours = id.get_version_num() == 7 && seconds < YEAR_10000;
    is_ours.then(|| UNIX_EPOCH + Duration::new(seconds, nanoseconds))
}
