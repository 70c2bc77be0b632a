//! Detects that the store's open files are no longer the files at their paths: removed, moved,
//! replaced, or hidden by another directory. The kernel keeps such a file alive for this process
//! only, so a commit to it does not survive a restart.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{file::LockedFile, path::with_suffix};
use crate::inbox::store::error::StoreError;

/// The open files of a store.
#[derive(Debug)]
pub(super) struct OpenFiles {
    files: Vec<(PathBuf, FileId)>,
    /// The first difference. A file that is put back stays untrusted until a restart has checked
    /// the store.
    loss: OnceLock<String>,
}

/// A file on this machine. SQLite holds the file open, so the system cannot give its number to
/// another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|file| Self {
            device: file.dev(),
            inode: file.ino(),
        })
    }
}

impl OpenFiles {
    /// Records the files that SQLite has just opened: the database under its configured path, which
    /// a restart would open, and the log and its index beside it.
    pub(super) fn record(file: &LockedFile) -> io::Result<Self> {
        let paths = [
            file.configured_path.clone(),
            with_suffix(&file.path, "-wal"),
            with_suffix(&file.path, "-shm"),
        ];
        let files = paths.map(|path| FileId::at(&path).map(|id| (path, id)));
        Ok(Self {
            files: files.into_iter().collect::<io::Result<_>>()?,
            loss: OnceLock::new(),
        })
    }

    /// Returns no files, for a store in memory.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            files: Vec::new(),
            loss: OnceLock::new(),
        }
    }

    /// Compares the open files with the files at their paths.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if a file is missing or differs, and from then on;
    /// [`StoreError::Unavailable`] if the system cannot tell at the moment.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if let Some(loss) = self.loss.get() {
            return Err(StoreError::Failed(loss.clone()));
        }
        for (path, id) in &self.files {
            let difference = match FileId::at(path) {
                Ok(found) if found == *id => continue,
                Ok(_) => "was replaced by another file",
                Err(error) if is_missing(&error) => "was removed or moved away",
                Err(error) => {
                    let message = format!("{} cannot be looked up: {error}", path.display());
                    return Err(StoreError::Unavailable(message));
                }
            };
            return Err(self.record_loss(path, difference));
        }
        Ok(())
    }

    fn record_loss(&self, path: &Path, difference: &str) -> StoreError {
        let message = format!(
            "{} {difference} while the gate had it open; the gate acknowledges no more events and still delivers stored \
             events from the open file; save them with `cartgate inbox backup NEWFILE`, put the right file in place, and \
             restart the gate",
            path.display()
        );
        if self.loss.set(message.clone()).is_ok() {
            tracing::error!(error = %message, "inbox file lost");
        }
        StoreError::Failed(message)
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
