//! A file system for one drill.

use std::{ffi::OsStr, path::Path, process::Command};

use tempfile::TempDir;

use crate::tool::{run, tool};

/// A file system that stays mounted while this value lives.
pub(crate) struct Mount {
    dir: TempDir,
}

impl Mount {
    /// Runs `mount ARGUMENTS`. Returns the message of `mount` if this machine forbids it.
    pub(crate) fn new<A: AsRef<OsStr>>(arguments: &[A]) -> Result<Self, String> {
        let dir = tempfile::tempdir().expect("a directory");
        mount(arguments, dir.path())?;
        Ok(Self { dir })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Unmounts the file system, and mounts it again in the same place.
    pub(crate) fn again<A: AsRef<OsStr>>(&self, arguments: &[A]) {
        succeed(tool("umount").arg(self.path())).expect("no program uses it");
        mount(arguments, self.path()).expect("it was mounted before");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A failed test may leave users of the file system behind, so this unmounts it lazily.
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
