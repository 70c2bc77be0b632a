//! A throw-away Debian root: files of a minimal installation with systemd, in which commands run apart from the machine.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// Lists all files except those of the tests, logs, and databases of the system.
pub(crate) const FILES: &str = "find / -xdev -not -path '/root/*' -not -path '/proc/*' -not -path '/tmp/*' \
    -not -path '/var/tmp/*' -not -path '/var/log/*' -not -path '/var/lib/dpkg/*' -not -path '/var/lib/systemd/*' \
    -not -path '/etc/*-' | sort";

/// Returns the files of the second list that the first one lacks.
pub(crate) fn additional<'a>(before: &str, after: &'a str) -> Vec<&'a str> {
    let before: HashSet<_> = before.lines().collect();
    after
        .lines()
        .filter(|file| !before.contains(file))
        .collect()
}

/// Builds the root once per target directory, because it downloads 60 MiB.
fn tarball() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-with-systemd.tar");
    if !path.exists() {
        // A stopped build leaves no file that looks complete.
        let part = path.with_extension("part.tar");
        let mut command = Command::new("mmdebstrap");
        let command = command
            .args([
                "--quiet",
                "--variant=minbase",
                "--include=systemd-sysv,dbus,iproute2",
            ])
            .arg("bookworm")
            .arg(&part);
        succeeds(command);
        fs::rename(&part, &path).expect("renamed");
    }
    path
}

/// A root directory, deleted at the end of the test.
pub(crate) struct Debian {
    dir: TempDir,
}

impl Debian {
    pub(crate) fn new() -> Self {
        let tarball = tarball();
        // Not below /tmp, which may be small or mounted without devices.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let mut command = Command::new("tar");
        succeeds(command.arg("-xf").arg(tarball).arg("-C").arg(dir.path()));
        // It is `/` for every account of the root.
        let mut command = Command::new("chmod");
        succeeds(command.arg("755").arg(dir.path()));
        Self { dir }
    }

    /// Returns the place of `path` of the root on this machine.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    /// Returns a command that runs a shell script in the root, with processes, mounts and a network of its own.
    pub(crate) fn command(&self, script: &str) -> Command {
        let root = self.dir.path();
        let mut command = Command::new("unshare");
        command
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
            .arg(format!("--root={}", root.display()))
            .arg("--mount-proc")
            .args(["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
            .args(["DEBIAN_FRONTEND=noninteractive", "sh", "-euc"])
            .arg(format!("ip link set lo up\n{script}"));
        command
    }

    /// Runs a script, which succeeds, and returns its output.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> String {
        succeeds(&mut self.command(script))
    }

    /// Copies a file of this machine into the root.
    pub(crate) fn copy(&self, from: &Path, to: &str) {
        fs::copy(from, self.file(to)).expect("copied");
    }
}

/// Runs a command, which succeeds, and returns its standard output.
#[track_caller]
pub(crate) fn succeeds(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", shown(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns all that a command wrote.
pub(crate) fn shown(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    format!("{}: {}", output.status, String::from_utf8_lossy(&text))
}
