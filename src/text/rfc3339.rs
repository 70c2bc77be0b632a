//! Formats times by RFC 3339. It has no year after 9999, so a time outside 1970 to 9999, as a store
//! may hold, becomes the nearest one in that range.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 9999-12-31T23:59:59.999Z, in milliseconds.
const LAST: u64 = 253_402_300_799_999;

/// Formats a time with milliseconds, in UTC.
pub(crate) fn millis(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(within(time)).to_string()
}

/// Formats a time with seconds, in UTC.
pub(crate) fn seconds(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(within(time)).to_string()
}

fn within(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + since.min(Duration::from_millis(LAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_beyond_writing() {
        let after = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        for (time, text) in [
            (UNIX_EPOCH, "1970-01-01T00:00:00.000Z"),
            (
                UNIX_EPOCH - Duration::from_secs(9),
                "1970-01-01T00:00:00.000Z",
            ),
            (after(253_402_300_799), "9999-12-31T23:59:59.000Z"),
            (after(253_402_300_800), "9999-12-31T23:59:59.999Z"),
            (after(9_000_000_000_000_000), "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(millis(time), text);
        }
        assert_eq!(seconds(after(u64::from(u32::MAX))), "2106-02-07T06:28:15Z");
    }
}
