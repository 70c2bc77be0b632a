//! The files of a directory of saved rejections, for the commands that list and read them. The gate
//! keeps evicting meanwhile, so a listed file may be gone when it is read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use uuid::Uuid;

use super::{
    file_name,
    saved_rejection::{Malformed, SavedRejection},
};

/// The file of a saved rejection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// The id of the delivery.
    pub id: Uuid,
    /// The path of the file.
    pub path: PathBuf,
}

/// The state of a saved rejection that verified later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LateState {
    /// It waits for its app or the inbox, and is kept until then.
    Waiting,
    /// The gate has delivered it.
    Delivered,
    /// Its endpoint has received the same body in another delivery.
    Copy,
    /// An operator has forwarded it.
    Forwarded,
}

impl LateState {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Copy => "copy",
            Self::Forwarded => "forwarded",
        }
    }
}

/// The contents of marks. That of an operator's forwarding is empty.
const DELIVERED: &[u8] = b"late\n";
const COPY: &[u8] = b"copy\n";

/// An error that prevents reading a saved rejection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is no saved rejection.
    #[error("the file is no saved rejection: {0}")]
    Malformed(#[from] Malformed),
}

impl SavedFile {
    /// Lists the saved rejections in `dir`, oldest first.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn all(dir: &Path) -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for file in fs::read_dir(dir)? {
            let file = file?;
            // A symbolic link could lead out of the directory.
            let is_file = file.file_type().is_ok_and(|kind| kind.is_file());
            let id = file.file_name().to_str().and_then(file_name::id);
            if let Some(id) = id.filter(|_| is_file) {
                let path = file.path();
                all.push(Self { id, path });
            }
        }
        all.sort_unstable_by_key(|saved| saved.id);
        Ok(all)
    }

    /// Returns the file of the delivery with this id in `dir`. It may not exist.
    #[must_use]
    pub fn of(dir: &Path, id: Uuid) -> Self {
        let path = dir.join(file_name::of(id));
        Self { id, path }
    }

    /// Reads the rejection. Returns `None` if the file does not exist.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is not as a gate wrote it.
    pub fn read(&self) -> Result<Option<SavedRejection>, ReadError> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(SavedRejection::read(&bytes.into())?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns when the rejection was last delivered or forwarded with success, or found to be a copy.
    #[must_use]
    pub fn forwarded(&self) -> Option<SystemTime> {
        let mark = fs::symlink_metadata(self.mark()).ok()?;
        mark.modified().ok()
    }

    /// Returns the state that the marks show. Returns `None` for a rejection that never verified.
    #[must_use]
    pub fn late_state(&self) -> Option<LateState> {
        let Ok(mark) = fs::symlink_metadata(self.mark()) else {
            let waits = fs::symlink_metadata(self.late_mark()).is_ok();
            return waits.then_some(LateState::Waiting);
        };
        let is_short = mark.is_file() && mark.len() <= DELIVERED.len() as u64;
        let content = is_short.then(|| fs::read(self.mark()).ok()).flatten();
        Some(match content.as_deref() {
            Some(DELIVERED) => LateState::Delivered,
            Some(COPY) => LateState::Copy,
            _ => LateState::Forwarded,
        })
    }

    /// Marks the rejection as forwarded now by an operator. The mark lasts as long as the file.
    ///
    /// # Errors
    ///
    /// When the mark cannot be written.
    pub fn mark_forwarded(&self) -> io::Result<()> {
        // The gate's own delivery stays what it was.
        let was_delivered = self.late_state() == Some(LateState::Delivered);
        self.write_mark(&self.mark(), if was_delivered { DELIVERED } else { b"" })
    }

    /// Marks the rejection as one that waits to be delivered. Nothing evicts it from then on.
    ///
    /// # Errors
    ///
    /// When the mark cannot be written.
    pub(crate) fn mark_waiting(&self) -> io::Result<()> {
        match fs::symlink_metadata(self.late_mark()) {
            Ok(_) => Ok(()),
            Err(_) => self.write_mark(&self.late_mark(), DELIVERED),
        }
    }

    /// Removes the mark of a rejection that waits, because it does not verify any more.
    ///
    /// # Errors
    ///
    /// When the mark cannot be removed.
    pub(crate) fn unmark_waiting(&self) -> io::Result<()> {
        remove(&self.late_mark())
    }

    /// Marks a rejection that waits as delivered now. The mark is renamed, so this succeeds on a
    /// full disk, and is synced.
    ///
    /// # Errors
    ///
    /// When the mark cannot be written.
    pub(crate) fn mark_delivered(&self) -> io::Result<()> {
        match OpenOptions::new().write(true).open(self.late_mark()) {
            Ok(mark) => {
                mark.set_modified(SystemTime::now())?;
                fs::rename(self.late_mark(), self.mark())?;
            }
            // A person has removed it.
            Err(_) => self.write_mark(&self.mark(), DELIVERED)?,
        }
        self.sync_dir()
    }

    /// Marks the rejection as a copy of one that was delivered.
    ///
    /// # Errors
    ///
    /// When the mark cannot be written.
    pub(crate) fn mark_copy(&self) -> io::Result<()> {
        self.write_mark(&self.mark(), COPY)?;
        self.unmark_waiting()
    }

    /// Writes a mark, or replaces it. It is whole or absent, also on a full disk and after a crash.
    fn write_mark(&self, mark: &Path, content: &[u8]) -> io::Result<()> {
        let part = self.path.with_file_name(file_name::unfinished(self.id));
        remove(&part)?;
        let written = create(&part, content).and_then(|()| fs::rename(&part, mark));
        if written.is_err() {
            let _ = remove(&part);
        }
        written
    }

    fn sync_dir(&self) -> io::Result<()> {
        match self.path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }

    fn mark(&self) -> PathBuf {
        self.path.with_file_name(file_name::forwarded(self.id))
    }

    fn late_mark(&self) -> PathBuf {
        self.path.with_file_name(file_name::late(self.id))
    }
}

/// Creates a file. Follows no link under its name.
fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_a_name_of_the_gate_are_listed_oldest_first() {
        let dir = tempfile::tempdir().expect("a directory");
        let ids: Vec<_> = (0..3).map(|_| Uuid::now_v7()).collect();
        for id in ids.iter().rev() {
            fs::write(SavedFile::of(dir.path(), *id).path, "").expect("written");
        }
        let linked = SavedFile::of(dir.path(), Uuid::now_v7()).path;
        std::os::unix::fs::symlink("/etc/hostname", linked).expect("linked");
        fs::write(dir.path().join("notes.http"), "").expect("written");
        let all = SavedFile::all(dir.path()).expect("listed");
        let listed: Vec<_> = all.iter().map(|saved| saved.id).collect();
        assert_eq!(listed, ids);
        assert!(matches!(all[0].read(), Err(ReadError::Malformed(_))));
        fs::remove_file(&all[0].path).expect("removed");
        assert!(matches!(all[0].read(), Ok(None)));
    }

    #[test]
    fn a_mark_is_no_rejection_and_can_be_renewed() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = SavedFile::of(dir.path(), Uuid::now_v7());
        fs::write(&file.path, "").expect("written");
        assert_eq!(file.forwarded(), None);
        let begun = SystemTime::now() - std::time::Duration::from_secs(1);
        for _ in 0..2 {
            file.mark_forwarded().expect("marked");
            assert!(file.forwarded().expect("forwarded") >= begun);
        }
        assert_eq!(SavedFile::all(dir.path()).expect("listed"), [file]);
    }

    #[test]
    fn a_mark_that_cannot_be_written_is_absent() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = SavedFile::of(dir.path(), Uuid::now_v7());
        let part = file.path.with_file_name(file_name::unfinished(file.id));
        // A crash in the middle of an earlier mark has left it.
        fs::write(&part, "").expect("written");
        file.mark_waiting().expect("marked");
        assert!(!part.exists());
        file.mark_delivered().expect("marked");
        assert_eq!(file.late_state(), Some(LateState::Delivered));
        fs::create_dir(&part).expect("something that cannot be removed");
        file.mark_forwarded().expect_err("not written");
        assert_eq!(file.late_state(), Some(LateState::Delivered), "as before");
    }

    #[test]
    fn a_late_rejection_waits_and_is_then_delivered_or_a_copy() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = SavedFile::of(dir.path(), Uuid::now_v7());
        fs::write(&file.path, "").expect("written");
        assert_eq!(file.late_state(), None);
        for _ in 0..2 {
            file.mark_waiting().expect("marked");
            assert_eq!(file.late_state(), Some(LateState::Waiting));
        }
        assert_eq!(file.forwarded(), None);
        file.unmark_waiting().expect("unmarked");
        assert_eq!(file.late_state(), None);
        file.mark_waiting().expect("marked");
        file.mark_delivered().expect("marked");
        assert_eq!(file.late_state(), Some(LateState::Delivered));
        file.mark_forwarded().expect("forwarded once more");
        assert_eq!(file.late_state(), Some(LateState::Delivered));
        assert!(file.forwarded().is_some());
        file.mark_copy().expect("marked");
        assert_eq!(file.late_state(), Some(LateState::Copy));
        file.mark_forwarded().expect("forwarded by an operator");
        assert_eq!(file.late_state(), Some(LateState::Forwarded));
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 2);
    }
}
