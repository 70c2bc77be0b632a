//! The waits of late deliveries: before the next look into the directory, and after a failure.

use std::time::Duration;

/// The first waits.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait between two looks. After a reload, requests that the old secrets have rejected
/// are saved for a while; other gates may save some at any time.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// The longest wait after a failure.
const LONGEST_RETRY: Duration = Duration::from_secs(5 * 60);

/// Returns the wait after this many looks since the start or the last reload.
pub(super) fn until_look(looks: u32) -> Duration {
    doubled(looks).min(LONGEST_LOOK)
}

/// Returns the wait after this many failures in a row, at least one.
pub(super) fn after_failure(failures: u32) -> Duration {
    doubled(failures.saturating_sub(1)).min(LONGEST_RETRY)
}

fn doubled(times: u32) -> Duration {
    FIRST.saturating_mul(1 << times.min(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_limits() {
        let seconds = |wait: Duration| wait.as_secs();
        let looks: Vec<_> = (0..9).map(|looks| seconds(until_look(looks))).collect();
        assert_eq!(looks, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(seconds(after_failure(1)), 1);
        assert_eq!(seconds(after_failure(4)), 8);
        assert_eq!(seconds(after_failure(u32::MAX)), 300);
    }
}
