//! The meters of a gate. A request touches only atomics: no lock, and no look-up of labels. Every
//! label is a name of the configuration or a word of this program, so clients cannot create series.
//!
//! `Metrics` belongs to the process. The meters of endpoints, secrets and destinations belong to
//! the configuration in force. The admin listener shows all of them.

pub(crate) mod endpoint;
pub(crate) mod reload_trigger;
pub(crate) mod secret;

use std::{
    fmt,
    ops::Range,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::SystemTime,
};

use reload_trigger::ReloadTrigger;

use crate::{
    alarm::meter::AlarmMeters,
    outcome::reject_reason::RejectReason,
    telemetry::{
        count::{Count, now},
        tally::Tally,
    },
};

/// The metrics of a process. The caller of [`crate::serve`] makes them and adds events outside of
/// the gate.
pub struct Metrics {
    pub(crate) started: u64,
    /// Requests without an endpoint, by reason.
    pub(crate) unmatched: Tally,
    pub(crate) reloads: Count,
    pub(crate) failed_reloads: Count,
    reload_failed: AtomicBool,
    reload_trigger: Mutex<Option<ReloadTrigger>>,
    certificates: Mutex<Vec<(String, Range<SystemTime>)>>,
    dropped_lines: OnceLock<Box<dyn Fn() -> u64 + Send + Sync>>,
    pub(crate) alarms: AlarmMeters,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: now(),
            unmatched: Tally::of(RejectReason::WITHOUT_ENDPOINT),
            reloads: Count::default(),
            failed_reloads: Count::default(),
            reload_failed: AtomicBool::new(false),
            reload_trigger: Mutex::default(),
            certificates: Mutex::default(),
            dropped_lines: OnceLock::new(),
            alarms: AlarmMeters::default(),
        }
    }
}

impl Metrics {
    /// Counts a reload that failed and left the old configuration in force. The gate counts
    /// successful ones itself.
    pub fn reload_failed(&self) {
        self.failed_reloads.add(now());
        self.reload_failed.store(true, Relaxed);
    }

    /// Records the cause of a reload that begins.
    pub(crate) fn reload_begins(&self, trigger: ReloadTrigger) {
        let last = self.reload_trigger.lock();
        *last.unwrap_or_else(PoisonError::into_inner) = Some(trigger);
    }

    /// Returns the cause of the last reload.
    pub(crate) fn last_reload_trigger(&self) -> Option<ReloadTrigger> {
        let last = self.reload_trigger.lock();
        *last.unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the list of the gate's certificates from files. Each has a label that operators
    /// know, such as its file, and the times between which it is valid.
    pub fn shows_certificates(&self, all: impl IntoIterator<Item = (String, Range<SystemTime>)>) {
        let all = all.into_iter().collect();
        *self
            .certificates
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// Sets the function that returns the number of dropped log lines. Later calls have no effect.
    pub fn dropped_lines_from(&self, read: impl Fn() -> u64 + Send + Sync + 'static) {
        // A process has one log, so the first function stays.
        let _ = self.dropped_lines.set(Box::new(read));
    }

    /// Counts a reload that put a changed configuration in force.
    pub(crate) fn reloaded(&self) {
        self.reloads.add(now());
        self.reload_failed.store(false, Relaxed);
    }

    /// Whether the last reload failed.
    pub(crate) fn last_reload_failed(&self) -> bool {
        self.reload_failed.load(Relaxed)
    }

    /// Returns when the configuration came into force, in milliseconds.
    pub(crate) fn in_force_since(&self) -> u64 {
        self.reloads.last().unwrap_or(self.started)
    }

    /// Returns the label of each certificate from files, and the times between which it is valid.
    pub(crate) fn certificates(&self) -> Vec<(String, Range<SystemTime>)> {
        let all = self.certificates.lock();
        all.unwrap_or_else(PoisonError::into_inner).clone()
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
