//! Notices that a file of the configuration has changed since it was read.

use std::time::Duration;

use tokio::time::sleep;

use super::watched_files::WatchedFiles;
use crate::runtime::background::run_on_thread;

/// The interval between two looks. A change counts once two looks in a row find the same, so that a
/// reload does not read a half-written file or half of a certificate's renewal. Therefore a file is
/// also older than the resolution of its timestamps when it is read, and no later change is missed.
const INTERVAL: Duration = Duration::from_secs(1);

/// Watches the files of a configuration.
pub(crate) struct FileWatcher {
    /// The states in which the files were read.
    read: WatchedFiles,
    /// The states that the last look has found.
    seen: WatchedFiles,
}

impl FileWatcher {
    /// Returns a watcher of files that were read in these states.
    pub(crate) fn new(read: WatchedFiles) -> Self {
        let seen = read.clone();
        Self { read, seen }
    }

    /// Waits until a file has changed since it was read, and all have been quiet for a while.
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
            let is_quiet = now == self.seen;
            self.seen = now;
            if is_quiet && self.seen != self.read {
                return;
            }
        }
    }

    /// Returns the states that the last look has found.
    pub(crate) fn seen(&self) -> &WatchedFiles {
        &self.seen
    }

    /// Returns the changed files, separated by commas.
    pub(crate) fn changes(&self) -> String {
        let changed = self.seen.changed_since(&self.read);
        let changed: Vec<_> = changed.map(|path| path.display().to_string()).collect();
        changed.join(", ")
    }

    /// Watches files that were read in these states from now on.
    pub(crate) fn follow(&mut self, read: WatchedFiles) {
        self.seen = read.clone();
        self.read = read;
    }

    /// Returns the number of the files.
    pub(crate) fn len(&self) -> usize {
        self.read.len()
    }
}
