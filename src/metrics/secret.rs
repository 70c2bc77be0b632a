//! How often one secret of an endpoint matched, and when last: whether an old one may go. A secret's
//! bytes never come here, only its name.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tower_cartgate::SecretName;

use super::count::{Count, now};

/// How often an operator is told that an old secret is still in use.
const REMINDER: u64 = 60 * 60 * 1000;

/// The matches of one secret.
#[derive(Debug)]
pub(crate) struct SecretMeter {
    pub(crate) matched: Count,
    /// Since when they are counted, in milliseconds.
    pub(crate) since: u64,
    reminded: AtomicU64,
}

impl SecretMeter {
    pub(crate) fn new() -> Self {
        Self {
            matched: Count::default(),
            since: now(),
            reminded: AtomicU64::new(0),
        }
    }

    /// Whether it is time to say that this one, which is not the newest, still matches.
    fn may_remind(&self, now: u64) -> bool {
        let before = self.reminded.load(Relaxed);
        let due = before == 0 || now.saturating_sub(before) >= REMINDER;
        // Of several workers at once, one says it.
        due && self
            .reminded
            .compare_exchange(before, now, Relaxed, Relaxed)
            .is_ok()
    }

    /// Says, at most once an hour, that an older secret is in use.
    pub(crate) fn remind(&self, endpoint: &str, secret: &SecretName, now: u64) {
        if self.may_remind(now) {
            tracing::warn!(
                endpoint,
                %secret,
                matched = self.matched.number(),
                counted_for = %humantime::format_duration(std::time::Duration::from_secs(
                    now.saturating_sub(self.since) / 1000
                )),
                "an older secret still matches: Cartfunnel signs with it, so it must stay"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_comes_once_an_hour() {
        let meter = SecretMeter::new();
        let first = now();
        assert!(meter.may_remind(first));
        assert!(!meter.may_remind(first + REMINDER - 1));
        assert!(meter.may_remind(first + REMINDER));
        assert!(!meter.may_remind(first + REMINDER + 1));
    }
}
