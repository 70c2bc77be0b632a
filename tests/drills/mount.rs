//! A file system of a drill's own.

use std::{ffi::OsStr, path::Path, process::Command};

use tempfile::TempDir;

use crate::tool::{run, tool};

/// Mounted for as long as it lives.
pub(crate) struct Mount {
    dir: TempDir,
}

impl Mount {
    /// `mount ARGUMENTS`; what it says where this machine does not let it.
    pub(crate) fn new<A: AsRef<OsStr>>(arguments: &[A]) -> Result<Self, String> {
        let dir = tempfile::tempdir().expect("a directory");
        mount(arguments, dir.path())?;
        Ok(Self { dir })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Unmounts it, runs nothing between, and mounts it again in the same place.
    pub(crate) fn again<A: AsRef<OsStr>>(&self, arguments: &[A]) {
        succeed(tool("umount").arg(self.path())).expect("nobody uses it any more");
        mount(arguments, self.path()).expect("it was mounted before");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily, because a test that fails may leave users behind.
        let _ = succeed(tool("umount").arg("-l").arg(self.path()));
    }
}

fn mount<A: AsRef<OsStr>>(arguments: &[A], at: &Path) -> Result<(), String> {
    succeed(tool("mount").args(arguments).arg(at))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = run(command, "");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(errors)
}
