//! CPU time, memory and child processes, as counted by the kernel.

use std::{fs, io, time::Duration};

/// Returns the user and system time of all threads of these processes, including ended threads.
pub(crate) fn cpu(pids: &[u32]) -> io::Result<Duration> {
    let mut ticks = 0;
    for pid in pids {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        ticks += Stat::parse(&stat).ok_or_else(unknown)?.ticks;
    }
    let second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs(ticks) / u32::try_from(second).map_err(io::Error::other)?)
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
            && let Some(stat) = Stat::parse(&stat)
        {
            parents.push((pid, stat.parent));
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

struct Stat {
    parent: u32,
    ticks: u64,
}

impl Stat {
    /// Splits after the name, the second field, which may contain spaces and brackets. The rest is
    /// numbers.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line[line.rfind(')')? + 1..].split_ascii_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let user: u64 = fields.nth(9)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        Some(Self {
            parent,
            ticks: user + system,
        })
    }
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
        let stat = Stat::parse(line).expect("parsed");
        assert_eq!((stat.parent, stat.ticks), (3, 300));
        assert!(Stat::parse("7 (short) S 3 7").is_none());
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
