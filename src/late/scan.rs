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
    /// Judges new files, oldest first. Ends early if `is_over`, and returns whether it has seen all.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
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
            if let Some(entry) = judge(file, snapshot) {
                if let FileFinding::Refused(reason) = entry.finding
                    && logged.insert((Arc::clone(&entry.endpoint), reason))
                {
                    log_refused(file.id, &entry.endpoint, reason);
                }
                self.entries.insert(file.id, entry);
            }
            rest(begun.elapsed());
        }
        Ok(true)
    }

    /// Writes the missing marks of delivered files, and then those of their copies.
    ///
    /// # Errors
    ///
    /// When the mark of a delivered file cannot be written. The next call goes on with it.
    pub(super) fn mark_done(&mut self, dir: &Path) -> io::Result<()> {
        while let Some(id) = self.unmarked.last() {
            SavedFile::of(dir, *id).mark_delivered()?;
            self.unmarked.pop();
        }
        for id in self.copies() {
            self.finish(id, LateState::Copy);
        }
        // Without its mark, a copy is recognized once more after a restart.
        self.unmarked_copies
            .retain(|id| SavedFile::of(dir, *id).mark_copy().is_err());
        Ok(())
    }

    /// Writes the missing marks of the first file of each body that waits.
    ///
    /// # Errors
    ///
    /// When a mark cannot be written. A file can be delivered without it, but also be evicted.
    pub(super) fn mark_waiting(&mut self, dir: &Path) -> io::Result<()> {
        let mut firsts = self.firsts();
        firsts.try_for_each(|(id, ..)| SavedFile::of(dir, id).mark_waiting())
    }
}

/// Judges a file. Returns `None` if it is gone or cannot be read.
fn judge(file: &SavedFile, snapshot: &Snapshot) -> Option<LedgerEntry> {
    let (endpoint, finding) = match file.read() {
        Ok(Some(rejection)) => {
            let finding = match file.late_state() {
                Some(LateState::Waiting) | None => find(&rejection, snapshot),
                Some(state) => FileFinding::Done(state, digest(&rejection)),
            };
            let endpoint = String::from_utf8_lossy(rejection.endpoint.as_bytes()).into();
            (endpoint, finding)
        }
        // An unreadable file is tried again at the next look.
        Ok(None) | Err(ReadError::Io(_)) => return None,
        Err(ReadError::Malformed(_)) => (Arc::from(""), FileFinding::Forged),
    };
    if !matches!(finding, FileFinding::Waiting(_)) {
        // If the mark stays, so does the file. The next start tries again.
        let _ = file.unmark_waiting();
    }
    Some(LedgerEntry { endpoint, finding })
}

fn find(rejection: &SavedRejection, snapshot: &Snapshot) -> FileFinding {
    let Some(index) = endpoint(snapshot, rejection) else {
        return FileFinding::Forged;
    };
    let endpoint = snapshot.endpoint(index);
    match examine(endpoint, rejection) {
        Examined::Genuine(verified) => {
            let secret = verified.secret_name().clone();
            FileFinding::Waiting(WaitingDelivery::new(digest(rejection), secret))
        }
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
