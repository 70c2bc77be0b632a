//! The files of a directory of saved rejections, for the commands that list and read them. The gate
//! keeps evicting meanwhile, so a listed file may be gone when it is read.

use std::{
    fs::{self, OpenOptions},
    io,
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

    /// Returns when an operator last forwarded the rejection with success.
    #[must_use]
    pub fn forwarded(&self) -> Option<SystemTime> {
        let mark = fs::symlink_metadata(self.mark()).ok()?;
        mark.modified().ok()
    }

    /// Marks the rejection as forwarded now. The mark lasts as long as the file.
    ///
    /// # Errors
    ///
    /// When the mark cannot be written.
    pub fn mark_forwarded(&self) -> io::Result<()> {
        match fs::remove_file(self.mark()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        // Follows no link under its name.
        options.write(true).create_new(true).mode(0o600);
        options.open(self.mark()).map(drop)
    }

    fn mark(&self) -> PathBuf {
        self.path.with_file_name(file_name::forwarded(self.id))
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
}
