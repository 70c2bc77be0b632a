//! A temporary directory for the files of the demonstration.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// The attempts to remove a directory in which a thread that ends may still create a file.
const ATTEMPTS: usize = 10;

/// A directory that only this user may enter. It is removed when it is dropped.
pub(super) struct TempDir(PathBuf);

impl TempDir {
    pub(super) fn create() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("cartgate-demo-{}", Uuid::now_v7()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        for _ in 0..ATTEMPTS {
            match fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {}
                _ => return,
            }
        }
        // A directory that stays behind holds only sample orders.
    }
}
