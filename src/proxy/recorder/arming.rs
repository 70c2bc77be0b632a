//! Whether the recorder is armed, and until when.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// The time for which the recorder stays armed after the last look.
pub(super) const AFTERGLOW: Duration = Duration::from_secs(60);

/// The state of a recorder that is armed or not.
#[derive(Debug)]
pub(super) struct Arming {
    /// Read by every request.
    is_armed: AtomicBool,
    /// The number of viewers. Changes under the lock of `last_look`.
    viewers: AtomicUsize,
    last_look: Mutex<Option<Instant>>,
    /// Notified when the recorder is armed.
    armed: Notify,
}

impl Arming {
    pub(super) fn new() -> Self {
        Self {
            is_armed: AtomicBool::new(false),
            viewers: AtomicUsize::new(0),
            last_look: Mutex::new(None),
            armed: Notify::new(),
        }
    }

    /// Whether requests are recorded.
    pub(super) fn is_armed(&self) -> bool {
        self.is_armed.load(Relaxed)
    }

    /// Returns the number of viewers.
    pub(super) fn viewers(&self) -> usize {
        self.viewers.load(Relaxed)
    }

    /// Arms the recorder for a minute from `now`.
    pub(super) fn look(&self, now: Instant) {
        *self.lock() = Some(now);
        self.arm();
    }

    /// Adds a viewer.
    pub(super) fn begin_view(&self) {
        let _changes = self.lock();
        self.viewers.store(self.viewers() + 1, Relaxed);
        self.arm();
    }

    /// Removes a viewer.
    pub(super) fn end_view(&self, now: Instant) {
        let mut last_look = self.lock();
        *last_look = Some(now);
        self.viewers
            .store(self.viewers().saturating_sub(1), Relaxed);
    }

    /// Disarms the recorder a minute after the last look. Returns whether it did.
    pub(super) fn expire(&self, now: Instant) -> bool {
        let last_look = self.lock();
        let is_over = last_look.is_none_or(|last| now.duration_since(last) >= AFTERGLOW);
        let ends = is_over && self.viewers() == 0;
        if ends {
            self.is_armed.store(false, Relaxed);
        }
        ends
    }

    /// Waits until the recorder is armed.
    pub(super) async fn until_armed(&self) {
        while !self.is_armed() {
            self.armed.notified().await;
        }
    }

    fn arm(&self) {
        self.is_armed.store(true, Relaxed);
        self.armed.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.last_look
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_armed_while_somebody_looks_and_a_minute_longer() {
        let (arming, start) = (Arming::new(), Instant::now());
        assert!(!arming.is_armed());
        arming.look(start);
        assert!(arming.is_armed());
        let just_before = start + AFTERGLOW - Duration::from_millis(1);
        assert!(!arming.expire(just_before) && arming.is_armed());
        assert!(arming.expire(start + AFTERGLOW) && !arming.is_armed());

        arming.begin_view();
        arming.begin_view();
        assert!(arming.is_armed());
        arming.end_view(start);
        assert!(!arming.expire(start + 9 * AFTERGLOW), "one still watches");
        let left = start + 10 * AFTERGLOW;
        arming.end_view(left);
        assert!(!arming.expire(left + AFTERGLOW / 2));
        assert!(arming.expire(left + AFTERGLOW));
    }
}
