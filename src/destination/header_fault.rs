//! Faults in the headers of a response that do not invalidate its status, and their log lines.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderName, StatusCode};
use tokio::time::Instant;
use tracing::warn;

/// The time between two log lines of a destination: a faulty app repeats its fault in every
/// response.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The number of bytes of a header name that the log shows.
const MAX_NAME: usize = 64;

/// A fault and its header. The value is never shown, because it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeaderFault {
    /// The kind of fault.
    pub(super) problem: &'static str,
    /// The header's name, if it can be read.
    pub(super) header: Option<HeaderName>,
    /// Whether it makes the end of the body ambiguous. The gate then drops the body.
    pub(super) is_framing: bool,
}

/// Logs the faults of one destination.
#[derive(Debug, Default)]
pub(super) struct FaultLog {
    last: Mutex<Option<Instant>>,
}

impl FaultLog {
    /// Logs a fault, at most once a minute.
    pub(super) fn report(&self, destination: &str, status: StatusCode, fault: &HeaderFault) {
        if !self.is_due(Instant::now()) {
            return;
        }
        let name = fault.header.as_ref().map(HeaderName::as_str);
        // A header name is ASCII, so the cut never splits a character.
        let header = name.map(|name| &name[..name.len().min(MAX_NAME)]);
        let (status, problem) = (status.as_u16(), fault.problem);
        if fault.is_framing {
            warn!(
                destination,
                status, header, problem, "ambiguous framing in the app's response: body dropped"
            );
        } else {
            warn!(
                destination,
                status, header, problem, "malformed header in the app's response"
            );
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= LOG_INTERVAL);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destinations_faults_fill_one_line_a_minute() {
        let (log, now) = (FaultLog::default(), Instant::now());
        assert!(log.is_due(now));
        assert!(!log.is_due(now + LOG_INTERVAL / 2));
        assert!(log.is_due(now + LOG_INTERVAL));
    }
}
