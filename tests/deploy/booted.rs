//! A throw-away Debian root with a live systemd: a process in namespaces and a control group of its own, without a
//! container engine.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::debian::{Debian, shown, succeeds};

/// Moves itself to a control group of its own, and boots the root in namespaces of its own. systemd needs to see only
/// its own control group, of the second version, which any root can mount.
const BOOT: &str = r#"
root=$1 group=$2
mount --make-rprivate /
mount -t cgroup2 cgroup2 "$root/mnt"
mkdir "$root/mnt/$group"
echo $$ > "$root/mnt/$group/cgroup.procs"
umount "$root/mnt"
exec unshare --cgroup --mount --net --uts --ipc --pid --fork --kill-child sh -euc '
    root=$1
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    cd "$root"
    mkdir -p old
    pivot_root . old
    umount -l /old
    rmdir /old
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
' sh "$root"
"#;

/// Removes a control group, whose processes have ended.
const CLEAN: &str = r#"
root=$1 group=$2
mount -t cgroup2 cgroup2 "$root/mnt"
find "$root/mnt/$group" -depth -type d -exec rmdir {} +
"#;

/// The time that a start of systemd may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A booted root. At the end of the test, all its processes end.
pub(crate) struct Booted {
    outer: Child,
    /// The process id of systemd on this machine.
    systemd: u32,
    group: String,
    root: Debian,
}

impl Booted {
    pub(crate) fn start(root: Debian) -> Self {
        // A login prompt needs a terminal, which is not there.
        root.run(
            "systemctl mask --quiet console-getty.service getty.target systemd-logind.service",
        );
        let group = format!("cartgate-test-{}", std::process::id());
        let outer = Command::new("unshare")
            .args(["--mount", "sh", "-euc", BOOT, "sh"])
            .arg(root.file("/"))
            .arg(&group)
            .stdin(Stdio::null())
            .stdout(fs::File::create(root.file("/boot.log")).expect("a file"))
            .stderr(fs::File::create(root.file("/boot.err")).expect("a file"))
            .spawn()
            .expect("unshare is there");
        let mut booted = Self {
            outer,
            systemd: 0,
            group,
            root,
        };
        booted.wait();
        booted
    }

    /// Waits until systemd has started everything.
    fn wait(&mut self) {
        let begun = Instant::now();
        let id = self.outer.id();
        loop {
            let read = |name: &str| fs::read_to_string(self.root.file(name)).unwrap_or_default();
            let ended = self.outer.try_wait().expect("a child");
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "systemd does not start here, so the package is not tested as a service. This needs root, namespaces \
                 and a control group of version 2: {ended:?} {}{}",
                read("/boot.err"),
                read("/boot.log"),
            );
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
            self.systemd = children.unwrap_or_default().trim().parse().unwrap_or(0);
            let running = self.systemd != 0 && {
                let output = self.command("systemctl is-system-running").output();
                let state = output.expect("nsenter is there").stdout;
                state.starts_with(b"running") || state.starts_with(b"degraded")
            };
            if running {
                let failed = self.run("systemctl list-units --failed --plain --no-legend");
                assert_eq!(failed, "");
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns a command that runs a shell script beside systemd.
    pub(crate) fn command(&self, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--all", "--target", &self.systemd.to_string()])
            .args(["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
            .args(["DEBIAN_FRONTEND=noninteractive", "sh", "-euc", script]);
        command
    }

    /// Runs a script, which succeeds, and returns its output.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> String {
        succeeds(&mut self.command(script))
    }

    /// Runs a script, which fails, and returns all that it wrote.
    #[track_caller]
    pub(crate) fn fails(&self, script: &str) -> String {
        let output = self.command(script).output().expect("nsenter is there");
        assert!(!output.status.success(), "{script}: {}", shown(&output));
        shown(&output)
    }

    /// Waits until a script succeeds.
    #[track_caller]
    pub(crate) fn wait_for(&self, script: &str) {
        let begun = Instant::now();
        loop {
            let output = self.command(script).output().expect("nsenter is there");
            if output.status.success() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{script}: {}", shown(&output));
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        // It may have ended already. The end of systemd ends every process of its namespace.
        let _ = self.outer.kill();
        let _ = self.outer.wait();
        let mut clean = Command::new("unshare");
        let clean = clean
            .args(["--mount", "sh", "-euc", CLEAN, "sh"])
            .arg(self.root.file("/"))
            .arg(&self.group);
        let begun = Instant::now();
        while !clean.output().is_ok_and(|output| output.status.success()) {
            if begun.elapsed() > Duration::from_secs(10) {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}
