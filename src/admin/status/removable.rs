//! When an older secret can be removed.

use super::report::Secret;

/// The time without a match after which an older secret can be removed. Senders retry for hours.
pub(super) const QUIET: u64 = 24 * 60 * 60;

/// Returns the time since which an older secret can be removed: it has not matched for long, and
/// the newest one has. Without any deliveries, the lack of a match proves nothing. While saved
/// rejections that only it verifies wait to be delivered, it is needed.
pub(crate) fn removable_since(newest: &Secret, older: &Secret, now: u64) -> Option<u64> {
    let quiet_since = older.last_matched.unwrap_or(older.counted_since);
    let newest_is_in_use = newest.last_matched.is_some_and(|last| last > quiet_since);
    let removable = quiet_since.saturating_add(QUIET);
    let is_needed = older.late_waiting > 0;
    (newest_is_in_use && !is_needed && now >= removable).then_some(removable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(last_matched: Option<u64>) -> Secret {
        Secret {
            last_matched,
            counted_since: 1000,
            ..Secret::default()
        }
    }

    #[test]
    fn only_a_quiet_secret_beside_a_used_one_can_go() {
        let (used, unused) = (secret(Some(5000)), secret(None));
        assert_eq!(removable_since(&used, &unused, 1000 + QUIET - 1), None);
        let since = removable_since(&used, &unused, 1000 + QUIET);
        assert_eq!(since, Some(1000 + QUIET));
        let older = secret(Some(2000));
        assert_eq!(
            removable_since(&used, &older, 2000 + QUIET),
            Some(2000 + QUIET)
        );
        let needed = Secret {
            late_waiting: 1,
            ..unused.clone()
        };
        assert_eq!(removable_since(&used, &needed, 1000 + QUIET), None);
        // Without a delivery since, the silence proves nothing.
        assert_eq!(removable_since(&unused, &older, 9000 + QUIET), None);
        assert_eq!(
            removable_since(&secret(Some(1500)), &older, 9000 + QUIET),
            None
        );
    }
}
