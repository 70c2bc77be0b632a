//! A gate in a control group with little memory or a CPU quota. A mount namespace shows it the files
//! of a container.

use std::{fs::File, process::Child};

use crate::{
    program::write_secret,
    support::{SECRET, wait_until},
    tool::tool,
};

/// Kills the process at the end of the test.
struct Gate(Child);

impl Drop for Gate {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the log of a serving gate whose control group has this limit.
fn log_with(limit: &str, max_memory: &str) -> String {
    let script = "mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/memory \
                  && echo \"$LIMIT\" > /sys/fs/cgroup/memory.max \
                  && echo \"$LIMIT\" > /sys/fs/cgroup/memory/memory.limit_in_bytes && exec \"$0\" \"$@\"";
    log_in(script, limit, &["--max-memory", max_memory])
}

/// Returns the log of a serving gate that a script starts where it finds other control groups.
fn log_in(script: &str, limit: &str, args: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    write_secret(&dir.path().join("secret"), SECRET);
    let log = dir.path().join("log");
    let mut command = tool("unshare");
    let child = command
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .arg(env!("CARGO_BIN_EXE_cartgate"))
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--secret-file",
            "secret",
        ])
        .args([
            "--upstream",
            "http://127.0.0.1:1/hooks",
            "--max-connections",
            "100",
        ])
        .args(args)
        .env("LIMIT", limit)
        .current_dir(dir.path())
        .stderr(File::create(&log).expect("a file"))
        .spawn();
    let _gate = Gate(child.expect("it starts"));
    let read = || std::fs::read_to_string(&log).expect("a log");
    wait_until("the gate serves", || read().contains("app not reachable"));
    read()
}

#[test]
#[ignore = "needs unshare and the right to mount; make test runs it"]
fn a_control_group_with_too_little_memory_is_warned_of() {
    let text = log_with("67108864", "64MiB");
    let warning = text
        .lines()
        .find(|line| line.contains("memory_limit=67108864"));
    let warning = warning.unwrap_or_else(|| panic!("no warning in {text}"));
    assert!(warning.contains("level=WARN"), "{warning}");
    for (limit, max_memory) in [
        ("max", "64MiB"),
        ("268435456", "64MiB"),
        ("67108864", "4MiB"),
    ] {
        let text = log_with(limit, max_memory);
        assert!(
            !text.contains("memory_limit"),
            "{limit} {max_memory}: {text}"
        );
    }
}

/// Returns the number of workers of a gate whose control group, of version 2 or 1, has a quota of
/// CPU time per 100 ms.
fn workers_with(version: u8, quota: &str) -> usize {
    let group = match version {
        2 => {
            "mkdir -p pod/gate && echo \"$LIMIT 100000\" > pod/cpu.max && echo max 100000 > pod/gate/cpu.max \
             && touch pod/gate/cgroup.controllers && echo 0::/pod/gate > own"
        }
        _ => {
            "mkdir -p cpu/gate && echo \"$LIMIT\" > cpu/gate/cpu.cfs_quota_us \
             && echo 100000 > cpu/gate/cpu.cfs_period_us && echo 4:cpu:/gate > own"
        }
    };
    let script = format!(
        "mount -t tmpfs none /sys/fs/cgroup && cd /sys/fs/cgroup && {group} \
         && mount --bind own /proc/$$/cgroup && cd \"$OLDPWD\" && exec \"$0\" \"$@\""
    );
    let log = log_in(&script, quota, &[]);
    let (_, workers) = log.split_once("workers=").expect("the line of the start");
    let end = workers.find(|c: char| !c.is_ascii_digit());
    workers[..end.expect("a line end")]
        .parse()
        .expect("a number")
}

#[test]
#[ignore = "needs unshare and the right to mount; make test runs it"]
fn a_gate_has_one_worker_per_whole_core_of_its_quota() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for version in [1, 2] {
        let unlimited = if version == 2 { "max" } else { "-1" };
        for (quota, workers) in [
            ("50000", 1),
            ("150000", 1),
            ("200000", 2.min(cores)),
            ("6400000", 64.min(cores)),
            (unlimited, cores),
        ] {
            let found = workers_with(version, quota);
            assert_eq!(found, workers, "version {version}, quota {quota}");
        }
    }
}
