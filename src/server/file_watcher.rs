//! Notices that a file of the configuration has changed since it was read.

use std::{path::Path, time::Duration};

use tokio::time::sleep;

use super::watched_files::WatchedFiles;
use crate::runtime::background::run_on_thread;

/// The interval between two looks. A change counts once two looks in a row find the same, so that a
/// reload does not read a half-written file or half of a certificate's renewal. Therefore a file is
/// also older than the resolution of its timestamps when it is read, and no later change is missed.
const INTERVAL: Duration = Duration::from_secs(1);

/// The number of looks after which a change counts although a file still changes. Otherwise a file
/// that changes all the time would hold back the rotation of a secret.
const MAX_LOOKS: u32 = 10;

/// Watches the files of a configuration.
pub(crate) struct FileWatcher {
    /// The states in which the files were read.
    read: WatchedFiles,
    /// The looks since then that have found other states.
    looks: u32,
    /// Whether the last reload did not wait any longer.
    is_impatient: bool,
    /// The states that the last look has found.
    seen: WatchedFiles,
}

impl FileWatcher {
    /// Returns a watcher of files that were read in these states.
    pub(crate) fn new(read: WatchedFiles) -> Self {
        let seen = read.clone();
        Self {
            read,
            looks: 0,
            is_impatient: false,
            seen,
        }
    }

    /// Waits until a file has changed since it was read, and all have been quiet for a while, or for
    /// too long not.
    ///
    /// The looks happen on a thread of their own, because a network file system may block them.
    pub(crate) async fn changed(&mut self) {
        loop {
            sleep(INTERVAL).await;
            let read = self.read.clone();
            // If the system has no thread, the next look finds the change.
            let Ok(now) = run_on_thread(move || read.again()).await else {
                continue;
            };
            let before = std::mem::replace(&mut self.seen, now);
            if self.seen == self.read {
                continue;
            }
            self.looks += 1;
            if self.seen == before {
                self.is_impatient = false;
                return;
            }
            if self.looks >= MAX_LOOKS {
                self.warn_of_restless(&before);
                return;
            }
        }
    }

    /// Warns once of files that change all the time.
    fn warn_of_restless(&mut self, before: &WatchedFiles) {
        if !std::mem::replace(&mut self.is_impatient, true) {
            let files = names(self.seen.changed_since(before));
            tracing::warn!(files, "files change all the time; reloading nevertheless");
        }
    }

    /// Returns whether a reload has to wait until the files are quiet.
    pub(crate) fn waits_for_quiet(&self) -> bool {
        self.looks < MAX_LOOKS
    }

    /// Returns the states that the last look has found.
    pub(crate) fn seen(&self) -> &WatchedFiles {
        &self.seen
    }

    /// Returns the changed files, separated by commas.
    pub(crate) fn changes(&self) -> String {
        names(self.seen.changed_since(&self.read))
    }

    /// Watches files that were read in these states from now on.
    pub(crate) fn follow(&mut self, read: WatchedFiles) {
        self.seen = read.clone();
        self.read = read;
        self.looks = 0;
    }

    /// Returns the number of the files.
    pub(crate) fn len(&self) -> usize {
        self.read.len()
    }
}

fn names<'p>(paths: impl Iterator<Item = &'p Path>) -> String {
    let names: Vec<_> = paths.map(|path| path.display().to_string()).collect();
    names.join(", ")
}
