//! The times of renewals and of further attempts.

use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

/// The longest time between two looks at the clock and at the stored certificate: a clock that was
/// set, and a certificate of another gate, are noticed after this time.
pub(super) const LOOK: Duration = Duration::from_secs(60 * 60);

/// The time after which to look again while another gate orders the same certificate.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// The waits after failures; the last one repeats. Let's Encrypt permits five failures per name and
/// hour.
const WAITS: [Duration; 4] = [
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
];

/// The longest wait that the server may demand.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns when a certificate is due for renewal: a third of its lifetime before it expires, or up
/// to a tenth of that earlier. `jitter` is a fraction that spreads gates over this time.
pub(super) fn due(validity: &Range<SystemTime>, jitter: f64) -> SystemTime {
    let lifetime = validity.end.duration_since(validity.start);
    let third = lifetime.unwrap_or_default() / 3;
    let before = third + (third / 10).mul_f64(jitter.clamp(0.0, 1.0));
    validity.end.checked_sub(before).unwrap_or(validity.end)
}

/// Returns the wait after `failures` orders have failed in a row: up to a quarter longer than
/// planned, and at least as long as the server demands.
pub(super) fn wait(failures: u32, demanded: Option<Duration>, jitter: f64) -> Duration {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let planned = WAITS[index.min(WAITS.len() - 1)];
    let planned = planned + (planned / 4).mul_f64(jitter.clamp(0.0, 1.0));
    planned.max(demanded.unwrap_or_default().min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn at(days: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * days
    }

    #[test]
    fn a_certificate_is_renewed_a_third_of_its_life_before_it_ends() {
        let validity = at(100)..at(190);
        assert_eq!(due(&validity, 0.0), at(160));
        assert_eq!(due(&validity, 1.0), at(157));
        // A certificate that makes no sense is due when it ends.
        assert_eq!(due(&(at(9)..at(2)), 1.0), at(2));
    }

    #[test]
    fn a_few_orders_fail_in_the_first_hour_and_one_in_each_further_one() {
        let minutes = |failures| wait(failures, None, 0.0).as_secs() / 60;
        let waits: Vec<_> = (1..=6).map(minutes).collect();
        assert_eq!(waits, [5, 15, 30, 60, 60, 60]);
        assert_eq!(wait(u32::MAX, None, 1.0), MINUTE * 75);
        assert_eq!(wait(1, Some(MINUTE * 90), 0.0), MINUTE * 90);
        assert_eq!(wait(4, Some(MINUTE), 0.0), MINUTE * 60);
        assert_eq!(wait(1, Some(DAY * 365), 0.0), DAY);
    }
}
