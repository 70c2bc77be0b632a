//! What a gate counts. On the way of a request that is atomics alone: no lock, no look-up of labels.
//! Every label is a name of the configuration or a word of this program, so no client makes a series.
//!
//! Here lies what belongs to the process; what belongs to an endpoint (`meter`), a secret or a
//! destination lives with the configuration in force. How it is shown is the admin listener's affair.

pub(crate) mod endpoint;
pub(crate) mod secret;

use std::{
    fmt,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::SystemTime,
};

use crate::telemetry::{
    count::{Count, millis, now},
    tally::Tally,
};

use crate::outcome::reject_reason::RejectReason;

/// What a process counts, made by whoever calls [`crate::serve`], who can tell it what happens
/// outside of the gate.
pub struct Metrics {
    pub(crate) started: u64,
    /// Requests that no endpoint has part in, by reason.
    pub(crate) astray: Tally,
    pub(crate) reloads: Count,
    pub(crate) failed_reloads: Count,
    reload_failed: AtomicBool,
    certificates: Mutex<Vec<(String, SystemTime)>>,
    dropped_lines: OnceLock<Box<dyn Fn() -> u64 + Send + Sync>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: now(),
            astray: Tally::of(RejectReason::WITHOUT_ENDPOINT),
            reloads: Count::default(),
            failed_reloads: Count::default(),
            reload_failed: AtomicBool::new(false),
            certificates: Mutex::default(),
            dropped_lines: OnceLock::new(),
        }
    }
}

impl Metrics {
    /// Notes that a changed configuration could not be used, so that the old one stays. (That one
    /// was put in force, the gate notes itself.)
    pub fn reload_failed(&self) {
        self.failed_reloads.add(now());
        self.reload_failed.store(true, Relaxed);
    }

    /// Notes which certificates the gate shows, and when each ends, in place of those noted before.
    /// A label is what an operator knows the certificate by, such as its file.
    pub fn shows_certificates(&self, all: impl IntoIterator<Item = (String, SystemTime)>) {
        let all = all.into_iter().collect();
        *self
            .certificates
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// Where the number of log lines is read that were dropped since the start. The first word stays.
    pub fn dropped_lines_from(&self, read: impl Fn() -> u64 + Send + Sync + 'static) {
        // A process has one log.
        let _ = self.dropped_lines.set(Box::new(read));
    }

    /// Notes that a changed configuration is in force.
    pub(crate) fn reloaded(&self) {
        self.reloads.add(now());
        self.reload_failed.store(false, Relaxed);
    }

    /// Whether the last change of the configuration could not be used.
    pub(crate) fn last_reload_failed(&self) -> bool {
        self.reload_failed.load(Relaxed)
    }

    /// Since when the configuration is in force, in milliseconds.
    pub(crate) fn in_force_since(&self) -> u64 {
        self.reloads.last().unwrap_or(self.started)
    }

    /// Each certificate's label, and when it ends in milliseconds.
    pub(crate) fn certificates(&self) -> Vec<(String, u64)> {
        let all = self.certificates.lock();
        let all = all.unwrap_or_else(PoisonError::into_inner);
        let millis = |(label, ends): &(String, SystemTime)| (label.clone(), millis(*ends));
        all.iter().map(millis).collect()
    }

    pub(crate) fn dropped_lines(&self) -> u64 {
        self.dropped_lines.get().map_or(0, |read| read())
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
