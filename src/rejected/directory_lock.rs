//! The lock of a directory of saved rejections. Its owner delivers one of them: a gate by itself, or
//! for an operator. Gates that share the directory therefore deliver each of them once.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep};

const FILE: &str = ".lock";

/// The interval between two attempts.
const POLL: Duration = Duration::from_millis(20);

/// The lock of a directory. It ends when it is dropped, and with the process.
#[derive(Debug)]
pub(crate) struct DirectoryLock(#[expect(dead_code, reason = "it holds the lock")] File);

impl DirectoryLock {
    /// Takes the lock. Returns `None` if others hold it for all of `patience`.
    ///
    /// # Errors
    ///
    /// When the file of the lock cannot be opened, or its file system has no locks.
    pub(crate) async fn take(dir: &Path, patience: Duration) -> io::Result<Option<Self>> {
        let until = Instant::now() + patience;
        let file = open(dir)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self(file))),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(None),
                Err(TryLockError::WouldBlock) => sleep(POLL).await,
            }
        }
    }
}

/// Opens the file of the lock. Only this user can write into the directory, so it is no link.
fn open(dir: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(dir.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_owner_at_a_time() {
        let dir = tempfile::tempdir().expect("a directory");
        let take = || DirectoryLock::take(dir.path(), Duration::ZERO);
        let owner = take().await.expect("opened").expect("free");
        assert!(take().await.expect("opened").is_none());
        drop(owner);
        assert!(take().await.expect("opened").is_some());
        drop(dir);
        let gone = Path::new("/nonexistent/rejected");
        DirectoryLock::take(gone, Duration::ZERO)
            .await
            .expect_err("no directory");
    }
}
