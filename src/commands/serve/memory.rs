//! The memory of the process: returned to the kernel in the background, and compared with the limit
//! of the control group. The kernel kills a container with too little memory under load, and its
//! deliveries with it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::announce::TARGET;
use crate::proxy::config::{Config, limits::Limits};

/// Bytes that one connection may hold in addition to large bodies: its buffers, its head and its
/// small body.
const CONNECTION: u64 = 64 * 1024;

/// The same for a connection under TLS, which also buffers records.
const TLS_CONNECTION: u64 = 144 * 1024;

/// Bytes of the program, its threads and its log, without any connection.
const PROGRAM: u64 = 32 * 1024 * 1024;

/// Starts the thread of the allocator that returns the memory of a burst to the kernel. The allocator
/// itself would start it before the sandbox, which would not bind it on every kernel.
pub(super) fn return_in_background() {
    // Without the thread, memory returns while the gate allocates.
    let _ = tikv_jemalloc_ctl::background_thread::write(true);
}

/// Warns if the limit of the control group is lower than what the gate may need.
pub(super) fn warn_if_scarce(config: &Config) {
    let limits = &config.limits;
    let needed = needed(limits, config.tls.is_some());
    let given = limit(Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    if let Some(memory_limit) = given.filter(|given| *given < needed) {
        tracing::warn!(
            target: TARGET,
            memory_limit,
            memory_needed = needed,
            max_memory = limits.memory,
            max_connections = limits.connections,
            "the memory limit of the control group is too low for max_memory and max_connections"
        );
    }
}

/// Returns the bytes that the gate may need under these limits.
fn needed(limits: &Limits, is_tls: bool) -> u64 {
    let each = if is_tls { TLS_CONNECTION } else { CONNECTION };
    let connections = each.saturating_mul(limits.connections as u64);
    limits
        .memory
        .saturating_add(connections)
        .saturating_add(PROGRAM)
}

/// Returns the lowest memory limit of the control groups of this process, if there is one.
fn limit(own: &Path, mounted: &Path) -> Option<u64> {
    let groups = fs::read_to_string(own).ok()?;
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or(""), parts.next().unwrap_or("/"));
        let (root, file) = match controllers {
            "" => (mounted.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                (mounted.join("memory"), "memory.limit_in_bytes")
            }
            _ => return Vec::new(),
        };
        let group = Path::new(path.trim_start_matches('/'));
        // In a container the path may be the one on the host, where only the root exists.
        let groups = group.ancestors().map(|group| root.join(group).join(file));
        groups.filter_map(|file| read(&file)).collect()
    });
    limits.min()
}

/// Returns the number in a file. Returns none for `max`, and for the huge numbers that mean the
/// same in version 1.
fn read(file: &PathBuf) -> Option<u64> {
    const UNLIMITED: u64 = 1 << 60;
    let text = fs::read_to_string(file).ok()?;
    text.trim().parse().ok().filter(|limit| *limit < UNLIMITED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the limit with these files of control groups.
    fn limit_of(own: &str, files: &[(&str, &str)]) -> Option<u64> {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = dir.path().join("mounted").join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        let cgroup = dir.path().join("cgroup");
        fs::write(&cgroup, own).expect("written");
        limit(&cgroup, &dir.path().join("mounted"))
    }

    #[test]
    fn a_connection_under_tls_needs_more() {
        let limits = Limits {
            connections: 10,
            ..Limits::default()
        };
        let difference = needed(&limits, true) - needed(&limits, false);
        assert_eq!(difference, 10 * 80 * 1024);
    }

    #[test]
    fn the_lowest_limit_on_the_way_to_the_root_counts() {
        let files = [
            ("a/b/memory.max", "max\n"),
            ("a/memory.max", "67108864\n"),
            ("memory.max", "134217728\n"),
        ];
        assert_eq!(limit_of("0::/a/b\n", &files), Some(67_108_864));
        assert_eq!(limit_of("0::/elsewhere\n", &files), Some(134_217_728));
        assert_eq!(limit_of("0::/a/b\n", &files[..1]), None);
        assert_eq!(limit_of("", &files), None);
    }

    #[test]
    fn version_1_has_its_own_place_and_no_word_for_no_limit() {
        let own = "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n";
        let limited = [("memory/x/memory.limit_in_bytes", "1048576\n")];
        assert_eq!(limit_of(own, &limited), Some(1_048_576));
        let unlimited = [("memory/x/memory.limit_in_bytes", "9223372036854771712\n")];
        assert_eq!(limit_of(own, &unlimited), None);
    }
}
