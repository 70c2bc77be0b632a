//! A fault in the header section of a response that does not keep its status from counting, and its line in the log.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderName, StatusCode};
use tokio::time::Instant;
use tracing::warn;

/// One line for each destination in this time: an app that makes a mistake makes it in every response.
const SELDOM: Duration = Duration::from_secs(60);

/// How much of a header's name the log shows.
const LONGEST_NAME: usize = 64;

/// A fault, by the header that has it. Its value is never shown: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeaderFault {
    /// Which fault it is.
    pub(super) problem: &'static str,
    /// The header's name, if it can be read.
    pub(super) header: Option<HeaderName>,
    /// Whether the end of the body depends on it. The gate then drops the body.
    pub(super) is_framing: bool,
}

/// Writes the faults of one destination to the log.
#[derive(Debug, Default)]
pub(super) struct FaultLog {
    last: Mutex<Option<Instant>>,
}

impl FaultLog {
    pub(super) fn report(&self, destination: &str, status: StatusCode, fault: &HeaderFault) {
        if !self.is_due(Instant::now()) {
            return;
        }
        let name = fault.header.as_ref().map(HeaderName::as_str);
        // A name is ASCII.
        let header = name.map(|name| &name[..name.len().min(LONGEST_NAME)]);
        let (status, problem) = (status.as_u16(), fault.problem);
        if fault.is_framing {
            warn!(
                destination,
                status,
                header,
                problem,
                "ambiguous framing in the app's response: the status counts, the body is dropped"
            );
        } else {
            warn!(
                destination,
                status,
                header,
                problem,
                "malformed header in the app's response: the response counts"
            );
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= SELDOM);
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
        assert!(!log.is_due(now + SELDOM / 2));
        assert!(log.is_due(now + SELDOM));
    }
}
