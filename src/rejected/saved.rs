//! The saved rejections of a directory, for a person who looks at them. The gate goes on meanwhile, so a file may be gone by
//! the time that it is read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::rejected::{
    directory::{id_of, name},
    rejection::{Malformed, Refused},
};

/// A file of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The id of the delivery.
    pub id: Uuid,
    /// Where it lies.
    pub path: PathBuf,
}

/// Why a saved rejection cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is no saved rejection.
    #[error("it is no saved rejection: {0}")]
    Malformed(#[from] Malformed),
}

impl Saved {
    /// Lists the saved rejections in `dir`, the oldest first.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn all(dir: &Path) -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for file in fs::read_dir(dir)? {
            let file = file?;
            // A link is not followed out of the directory.
            let is_file = file.file_type().is_ok_and(|kind| kind.is_file());
            let id = file.file_name().to_str().and_then(id_of);
            if let Some(id) = id.filter(|_| is_file) {
                let path = file.path();
                all.push(Self { id, path });
            }
        }
        all.sort_unstable_by_key(|saved| saved.id);
        Ok(all)
    }

    /// The saved rejection of that id in `dir`, whether or not there is one.
    #[must_use]
    pub fn of(dir: &Path, id: Uuid) -> Self {
        let path = dir.join(name(id));
        Self { id, path }
    }

    /// Reads it; none if it is gone.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is not what a gate writes.
    pub fn read(&self) -> Result<Option<Refused>, SavedError> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(Refused::read(&bytes.into())?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_a_gate_would_name_so_are_listed_the_oldest_first() {
        let dir = tempfile::tempdir().expect("a directory");
        let ids: Vec<_> = (0..3).map(|_| Uuid::now_v7()).collect();
        for id in ids.iter().rev() {
            fs::write(Saved::of(dir.path(), *id).path, "").expect("written");
        }
        let linked = Saved::of(dir.path(), Uuid::now_v7()).path;
        std::os::unix::fs::symlink("/etc/hostname", linked).expect("linked");
        fs::write(dir.path().join("notes.http"), "").expect("written");
        let all = Saved::all(dir.path()).expect("listed");
        let listed: Vec<_> = all.iter().map(|saved| saved.id).collect();
        assert_eq!(listed, ids);
        assert!(matches!(all[0].read(), Err(SavedError::Malformed(_))));
        fs::remove_file(&all[0].path).expect("removed");
        assert!(matches!(all[0].read(), Ok(None)));
    }
}
