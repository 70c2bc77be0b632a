//! How often one secret of an endpoint matched, and when last: whether an old one may go. A secret's
//! bytes never come here, only its name.

use tower_cartgate::SecretName;

use crate::telemetry::count::{Count, Reminder, now};

/// The matches of one secret.
#[derive(Debug)]
pub(crate) struct SecretMeter {
    pub(crate) matched: Count,
    /// Since when they are counted, in milliseconds.
    pub(crate) since: u64,
    reminded: Reminder,
}

impl SecretMeter {
    pub(crate) fn new() -> Self {
        Self {
            matched: Count::default(),
            since: now(),
            reminded: Reminder::default(),
        }
    }

    /// Says, at most once an hour, that an older secret is in use.
    pub(crate) fn remind(&self, endpoint: &str, secret: &SecretName, now: u64) {
        if self.reminded.is_due(now) {
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
