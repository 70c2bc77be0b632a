//! The settings of saved rejections.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    time::Duration,
};

use super::load::Load;
use crate::secret::private_file::is_open_to_others;

/// The directory of saved rejections, and its limits. Fixed at the start of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The directory. The gate creates it with mode 0700 if it is absent; its parent must exist.
    pub dir: PathBuf,
    /// The largest number of files.
    pub count: u64,
    /// The largest number of bytes in all files together.
    pub bytes: u64,
    /// The age at which a file is removed, to the minute.
    pub age: Duration,
    /// The divisor of `count` and `bytes` that gives the share of one source.
    pub share: u64,
}

impl Settings {
    /// Returns settings for `dir` with the default limits.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            count: 1000,
            bytes: 64 * 1024 * 1024,
            age: Duration::from_secs(7 * 24 * 60 * 60),
            share: 4,
        }
    }

    /// Creates the directory if it is absent.
    pub(crate) fn create_directory(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Checks that other users of the machine cannot write into the directory, if it exists. They
    /// could remove files, or plant files that look like saved rejections.
    pub(crate) fn check(&self) -> io::Result<()> {
        match fs::metadata(&self.dir) {
            Ok(found) if is_open_to_others(&found) => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "other users of this machine can write into the directory; run chmod o-w, or use another directory",
            )),
            _ => Ok(()),
        }
    }

    /// The limit of the whole directory.
    pub(super) fn limit(&self) -> Load {
        Load {
            count: self.count,
            bytes: self.bytes,
        }
    }
}
