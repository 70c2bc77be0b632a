//! Ends the threads of a test that run until a flag is set.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Sets the flag when it is dropped, also if an assertion fails before.
pub(crate) struct Stop<'a>(pub(crate) &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
