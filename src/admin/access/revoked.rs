//! The sessions that their users have closed. They are remembered in memory until they would have
//! ended: a restart with the same token forgets them.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use super::session::SessionId;

/// The limit of remembered sessions. Only somebody with an open session can add one; beyond it the
/// oldest one is forgotten.
const MAX: usize = 1024;

/// The closed sessions, oldest first.
#[derive(Debug, Default)]
pub(super) struct Revoked(Mutex<VecDeque<SessionId>>);

impl Revoked {
    /// Closes a session for good. `now` is in seconds.
    pub(super) fn add(&self, session: SessionId, now: u64) {
        let mut revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|one| one.expiry().is_some_and(|expiry| now < expiry));
        if revoked.len() == MAX {
            revoked.pop_front();
        }
        revoked.push_back(session);
    }

    /// Returns whether a session was closed.
    pub(super) fn contains(&self, session: &SessionId) -> bool {
        let revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.contains(session)
    }
}
