//! CPU time, memory and child processes, as counted by the kernel.

use std::{fs, io, time::Duration};

/// Returns the time that all threads of these processes have run. The kernel adds the last part
/// when a thread sleeps, so the time is exact for an idle process.
pub(crate) fn cpu(pids: &[u32]) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for pid in pids {
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let file = thread?.path().join("schedstat");
            nanoseconds += match fs::read_to_string(file) {
                Ok(text) => run_time(&text).ok_or_else(unknown)?,
                // The thread may have ended.
                Err(_) => 0,
            };
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Reads the time of a thread on a core, the first field.
fn run_time(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().next()?.parse().ok()
}

/// Returns the proportional set size: a page that several processes share counts in parts.
pub(crate) fn memory(pids: &[u32]) -> io::Result<u64> {
    let mut bytes = 0;
    for pid in pids {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        bytes += share(&rollup).ok_or_else(unknown)?;
    }
    Ok(bytes)
}

/// Returns a process and its descendants.
pub(crate) fn family(head: u32) -> io::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // The process may have ended.
        if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat"))
            && let Some(parent) = parent(&stat)
        {
            parents.push((pid, parent));
        }
    }
    let mut family = vec![head];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        let children = parents.iter().filter(|(_, of)| *of == parent);
        family.extend(children.map(|(pid, _)| *pid));
        next += 1;
    }
    Ok(family)
}

/// Reads the parent of a process. Splits after the name, the second field, which may contain spaces
/// and brackets.
fn parent(stat: &str) -> Option<u32> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    fields.nth(1)?.parse().ok()
}

fn share(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn unknown() -> io::Error {
    io::Error::other("/proc has an unexpected format")
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, time::Instant};

    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_shifts_no_field() {
        let line = "7 (a ) b) S 3 7 7 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 1 0 5 6 7";
        assert_eq!(parent(line), Some(3));
        assert_eq!(parent("7 (short) S"), None);
    }

    #[test]
    fn the_time_on_a_core_is_the_first_field() {
        assert_eq!(run_time("323651 1392210 2\n"), Some(323_651));
        assert_eq!(run_time(""), None);
    }

    #[test]
    fn only_the_line_of_all_shared_pages_counts() {
        let rollup = "ff [rollup]\nRss: 99 kB\nPss_Dirty: 1 kB\nPss:    12 kB\nPss_Anon: 5 kB\n";
        assert_eq!(share(rollup), Some(12 * 1024));
        assert_eq!(share("Rss: 99 kB\n"), None);
    }

    #[test]
    fn work_of_this_process_is_counted() {
        let own = [std::process::id()];
        let before = cpu(&own).expect("read");
        let begun = Instant::now();
        while cpu(&own).expect("read") - before < Duration::from_millis(50) {
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing counted");
            black_box((0..100_000).sum::<u64>());
        }
        assert!(memory(&own).expect("read") > 100 * 1024);
        assert!(family(own[0]).expect("read").contains(&own[0]));
    }
}
