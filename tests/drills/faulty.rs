//! Makes the syncs of a program fail or lie, without the program's knowledge.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    native::compile,
    power::Disk,
    tool::{run, tool},
};

/// The library that replaces the syncs, and its settings.
pub(crate) struct Syncs {
    library: PathBuf,
    /// While this file exists, syncs fail, and each adds a line to it.
    trigger: PathBuf,
    _dir: TempDir,
}

impl Syncs {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self {
            library: compile("syncs.c", &["-shared", "-fPIC"], dir.path()),
            trigger: dir.path().join("fail"),
            _dir: dir,
        }
    }

    /// Returns the environment of a program whose syncs fail from [`Self::fail`] to [`Self::heal`].
    pub(crate) fn failing(&self) -> [(&str, &str); 2] {
        [self.preload(), ("SYNCS_FAIL_WHILE", text(&self.trigger))]
    }

    /// Returns the environment of a program whose syncs of files with this ending do nothing.
    pub(crate) fn skipped<'s>(&'s self, ending: &'s str) -> [(&'s str, &'s str); 2] {
        [self.preload(), ("SYNCS_SKIPPED", ending)]
    }

    pub(crate) fn fail(&self) {
        File::create(&self.trigger).expect("a file");
    }

    pub(crate) fn heal(&self) {
        fs::remove_file(&self.trigger).expect("they fail");
    }

    /// Returns the files whose syncs have failed, one for each failure.
    pub(crate) fn failed(&self) -> Vec<PathBuf> {
        let names = fs::read_to_string(&self.trigger).expect("they fail");
        names.lines().map(PathBuf::from).collect()
    }

    fn preload(&self) -> (&str, &str) {
        ("LD_PRELOAD", text(&self.library))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Runs `sync FILE`, which calls fsync, or `sync -d FILE`, which calls fdatasync.
#[track_caller]
fn sync(options: &[&str], file: &Path, variables: [(&str, &str); 2]) -> Result<(), String> {
    let mut sync = tool("sync");
    let output = run(sync.args(options).arg(file).envs(variables), "");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(errors)
}

const BOTH: [&[&str]; 2] = [&[], &["-d"]];

#[test]
#[ignore = "needs a C compiler; make test runs it"]
fn syncs_fail_while_they_are_told_to() {
    let syncs = Syncs::new();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "x").expect("written");
    let ask = |options| sync(options, &file, syncs.failing());
    assert_eq!(BOTH.map(ask), [Ok(()), Ok(())]);
    syncs.fail();
    for failed in BOTH.map(ask) {
        let error = failed.expect_err("it fails");
        assert!(error.contains("Input/output error"), "{error}");
    }
    assert_eq!(syncs.failed(), [&*file, &file]);
    syncs.heal();
    assert_eq!(BOTH.map(ask), [Ok(()), Ok(())]);
}

/// The control experiment with skipped syncs relies on this.
#[test]
#[ignore = "needs root and loop devices; make test runs it"]
fn what_was_skipped_is_lost_when_the_power_goes() {
    let Some(disk) = Disk::new() else {
        return;
    };
    let syncs = Syncs::new();
    let names = ["db", "db-wal", "db-walrus"];
    for name in names {
        let file = disk.path().join(name);
        fs::write(&file, [b'x'; 5000]).expect("written");
        for options in BOTH {
            sync(options, &file, syncs.skipped("-wal")).expect("it says that it did");
        }
    }
    disk.cut();
    disk.come_back();
    let length = |name| fs::read(disk.path().join(name)).unwrap_or_default().len();
    assert_eq!(names.map(length), [5000, 0, 5000]);
}
