//! A gate in a control group with little memory. A mount namespace shows it the files of a
//! container.

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
    let dir = tempfile::tempdir().expect("a directory");
    write_secret(&dir.path().join("secret"), SECRET);
    let log = dir.path().join("log");
    let script = "mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/memory \
                  && echo \"$LIMIT\" > /sys/fs/cgroup/memory.max \
                  && echo \"$LIMIT\" > /sys/fs/cgroup/memory/memory.limit_in_bytes && exec \"$0\" \"$@\"";
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
        .args(["--max-memory", max_memory])
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
