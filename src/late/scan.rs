//! The scan of the directory: judges the files that the ledger does not know yet.

use std::{
    collections::HashSet,
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    examination::{Examined, endpoint, examine},
    ledger::{BodyDigest, FileFinding, Ledger, LedgerEntry, WaitingDelivery},
};
use crate::{
    proxy::snapshot::Snapshot,
    rejected::{LateState, ReadError, SavedFile, SavedRejection},
};

/// The longest rest after a file.
const LONGEST_REST: Duration = Duration::from_millis(100);

impl Ledger {
    /// Judges new files, oldest first, and marks those that verify. Ends early if `is_over`, and
    /// returns whether it has seen all.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read, or a mark cannot be written.
    pub(super) fn scan(
        &mut self,
        dir: &Path,
        snapshot: &Snapshot,
        is_over: impl Fn() -> bool,
    ) -> io::Result<bool> {
        let files = SavedFile::all(dir)?;
        let is_there = |id: &Uuid| files.binary_search_by_key(id, |file| file.id).is_ok();
        self.entries.retain(|id, _| is_there(id));
        let mut logged = HashSet::new();
        for file in &files {
            if is_over() {
                return Ok(false);
            }
            if self.entries.contains_key(&file.id) {
                continue;
            }
            let begun = Instant::now();
            if let Some(entry) = judge(file, snapshot)? {
                if let FileFinding::Refused(reason) = entry.finding
                    && logged.insert((Arc::clone(&entry.endpoint), reason))
                {
                    log_refused(file.id, &entry.endpoint, reason);
                }
                self.entries.insert(file.id, entry);
            }
            rest(begun.elapsed());
        }
        self.mark(dir)?;
        Ok(true)
    }

    /// Writes the marks: of what is done, of copies of it, and of the first file of each body that
    /// waits.
    ///
    /// # Errors
    ///
    /// When a mark cannot be written. The next call goes on with it.
    pub(super) fn mark(&mut self, dir: &Path) -> io::Result<()> {
        for id in self.copies() {
            self.finish(id, LateState::Copy);
        }
        while let Some((id, state)) = self.unmarked.last() {
            let file = SavedFile::of(dir, *id);
            match state {
                LateState::Copy => file.mark_copy()?,
                LateState::Delivered => file.mark_delivered()?,
                LateState::Waiting | LateState::Forwarded => {}
            }
            self.unmarked.pop();
        }
        let mut firsts = self.firsts();
        firsts.try_for_each(|(id, ..)| SavedFile::of(dir, id).mark_waiting())
    }
}

/// Judges a file. Returns `None` if it is gone or cannot be read.
fn judge(file: &SavedFile, snapshot: &Snapshot) -> io::Result<Option<LedgerEntry>> {
    let rejection = match file.read() {
        Ok(Some(rejection)) => rejection,
        // An unreadable file is tried again at the next look.
        Ok(None) | Err(ReadError::Io(_)) => return Ok(None),
        Err(_) => {
            let (endpoint, finding) = (Arc::from(""), FileFinding::Forged);
            return Ok(Some(LedgerEntry { endpoint, finding }));
        }
    };
    let state = file.late_state();
    let finding = match state {
        Some(state) if state != LateState::Waiting => FileFinding::Done(state, digest(&rejection)),
        _ => find(&rejection, snapshot),
    };
    if state == Some(LateState::Waiting) && !matches!(finding, FileFinding::Waiting(_)) {
        file.unmark_waiting()?;
    }
    let endpoint = String::from_utf8_lossy(rejection.endpoint.as_bytes()).into();
    Ok(Some(LedgerEntry { endpoint, finding }))
}

fn find(rejection: &SavedRejection, snapshot: &Snapshot) -> FileFinding {
    let Some(index) = endpoint(snapshot, rejection) else {
        return FileFinding::Forged;
    };
    let endpoint = snapshot.endpoint(index);
    match examine(endpoint, rejection) {
        Examined::Genuine(_) => FileFinding::Waiting(WaitingDelivery::new(digest(rejection))),
        Examined::Forged => FileFinding::Forged,
        Examined::Refused(reason) => FileFinding::Refused(reason),
    }
}

/// Logs that a rule rejects late deliveries, with one of them. An attacker may have sent many.
fn log_refused(id: Uuid, endpoint: &str, reason: &str) {
    tracing::warn!(
        target: super::courier::TARGET,
        delivery = %id, endpoint, reason,
        "late deliveries rejected: their signatures are genuine, but the endpoint does not accept them"
    );
}

fn digest(rejection: &SavedRejection) -> BodyDigest {
    let endpoint = rejection.endpoint.as_bytes();
    let mut hash = Sha256::new();
    hash.update((endpoint.len() as u64).to_be_bytes());
    hash.update(endpoint);
    rejection.body.iter().for_each(|piece| hash.update(piece));
    hash.finalize().into()
}

/// Rests as long as the work took, so that a full directory uses at most half of a core.
#[expect(
    clippy::disallowed_methods,
    reason = "the rest is for this thread, which has no other work"
)]
fn rest(worked: Duration) {
    std::thread::sleep(worked.min(LONGEST_REST));
}
