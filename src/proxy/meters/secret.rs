//! The meter of one secret of an endpoint. It shows whether an old secret is still in use. It knows
//! the secret's name, but not its bytes.

use tower_cartgate::SecretName;

use crate::telemetry::count::{Count, Reminder, now};

/// Counts the matches of one secret.
#[derive(Debug)]
pub(crate) struct SecretMeter {
    pub(crate) matched: Count,
    /// The start of the count, in milliseconds.
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

    /// Logs, at most once an hour, that an older secret is in use.
    pub(crate) fn remind(&self, endpoint: &str, secret: &SecretName, now: u64) {
        if self.reminded.is_due(now) {
            tracing::warn!(
                endpoint,
                %secret,
                matched = self.matched.number(),
                counted_for = %humantime::format_duration(std::time::Duration::from_secs(
                    now.saturating_sub(self.since) / 1000
                )),
                "older secret still in use: Cartfunnel signs with it, so keep it"
            );
        }
    }
}
