//! The system calls of a run by name, as `strace -c` counts them.

use std::{collections::BTreeMap, io};

use super::decimal::decimal;

/// The number of calls by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SystemCalls(pub(super) BTreeMap<String, f64>);

impl SystemCalls {
    /// Parses the table of strace, whose last line is the total.
    ///
    /// # Errors
    ///
    /// If the table is incomplete.
    pub(super) fn parse(text: &str) -> io::Result<Self> {
        let mut calls = BTreeMap::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // The share, seconds, time per call, calls, errors if there are any, and the name.
            let ([_, _, _, count, name] | [_, _, _, count, _, name]) = fields.as_slice() else {
                continue;
            };
            match (count.parse(), *name) {
                (Ok(_), "total") => return Ok(Self(calls)),
                (Ok(count), name) => {
                    calls.insert(name.to_owned(), count);
                }
                // The head of the table, and the lines around it.
                (Err(_), _) => {}
            }
        }
        Err(io::Error::other("strace wrote an incomplete table"))
    }

    /// Returns the calls per request, from the runs with fewer and with more requests.
    pub(super) fn per_request(fewer: &Self, more: &Self, requests: f64) -> Self {
        let each = more.0.iter().map(|(name, count)| {
            let before = fewer.0.get(name).copied().unwrap_or_default();
            (name.clone(), (count - before) / requests)
        });
        // Other threads make a few calls, in a number that depends on the time.
        Self(each.filter(|(_, count)| *count >= 0.05).collect())
    }

    /// Returns the sum without waits and wakes, whose number depends on the time between requests.
    pub(super) fn sum(&self) -> f64 {
        let counted = self.0.iter().filter(|(name, _)| !is_wait(name));
        counted.map(|(_, count)| count).sum()
    }

    /// Returns the names with their counts.
    pub(super) fn names(&self) -> String {
        let each = self.0.iter();
        let each = each.map(|(name, count)| format!("{name} {}", decimal(*count)));
        each.collect::<Vec<_>>().join(", ")
    }
}

fn is_wait(name: &str) -> bool {
    matches!(
        name,
        "epoll_wait" | "epoll_pwait" | "epoll_pwait2" | "futex" | "clock_nanosleep" | "sched_yield"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(reads: u32, writes: u32, waits: u32) -> String {
        format!(
            "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ------------------
 54.31    0.122712         829    {reads}       200 recvfrom
  2.34    0.005281          26    {writes}           writev
  2.34    0.005281          26    {waits}           epoll_wait
  0.00    0.000000           0         1           execve
------ ----------- ----------- --------- --------- ------------------
100.00    0.225962          76      2938       212 total
"
        )
    }

    #[test]
    fn the_calls_of_a_request_are_the_difference_of_two_runs() {
        let runs = [table(602, 200, 477), table(3602, 1201, 2475)];
        let [fewer, more] = runs.map(|text| SystemCalls::parse(&text).expect("complete"));
        let each = SystemCalls::per_request(&fewer, &more, 1000.0);
        let names: Vec<&str> = each.0.keys().map(String::as_str).collect();
        assert_eq!(names, ["epoll_wait", "recvfrom", "writev"]);
        assert_eq!(each.0["recvfrom"], 3.0);
        assert!((each.sum() - 4.001).abs() < 1e-9, "{}", each.sum());
    }

    #[test]
    fn a_table_without_its_end_is_refused() {
        let text = table(1, 1, 1);
        let end = text.rfind("100.00").expect("it has one");
        assert!(SystemCalls::parse(&text[..end]).is_err());
    }
}
