//! A profile of callgrind: the instructions of a run, those of its hash, and its allocations.

use std::{collections::HashMap, io, ops::Add};

/// The counts of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Profile {
    pub(super) instructions: f64,
    /// The instructions of the compression function of SHA-256, with its callees.
    pub(super) hash: f64,
    /// The calls of the allocator. Each may move memory, also one that resizes.
    pub(super) allocations: f64,
}

impl Profile {
    /// Adds the profiles of a run's threads, without those that work by the time and not by the
    /// request: the main thread, and the one that learns the shape of a delivery per second.
    pub(super) fn of_threads<'t>(files: impl Iterator<Item = &'t str>) -> io::Result<Self> {
        const TIMED: [&str; 2] = [" cartgate::main", " cartgate::profile::learner::run"];
        let is_timed = |line: &str| TIMED.iter().any(|name| line.ends_with(name));
        let working = files.filter(|text| !text.lines().any(is_timed));
        let mut sum = None;
        for text in working {
            sum = Some(sum.unwrap_or_default() + Self::parse(text)?);
        }
        sum.ok_or_else(unknown)
    }

    /// Parses a file of callgrind. A line `calls=` follows the name of the callee and precedes a
    /// line with the instructions of these calls.
    ///
    /// # Errors
    ///
    /// If it has no total, which callgrind writes last.
    fn parse(text: &str) -> io::Result<Self> {
        let mut names = Names::default();
        let (mut caller, mut callee) = (Role::Other, Role::Other);
        let (mut profile, mut total) = (Self::default(), None);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("fn=") {
                caller = names.role(name);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                callee = names.role(name);
            } else if let Some(calls) = line.strip_prefix("calls=") {
                // A call between two functions of the same role is a part of the outer call.
                let cost = lines.next().and_then(|line| field(line, 1));
                let (count, cost) = field(calls, 0).zip(cost).ok_or_else(unknown)?;
                match callee {
                    Role::Hash if caller != Role::Hash => profile.hash += cost,
                    Role::Allocator if caller != Role::Allocator => profile.allocations += count,
                    _ => {}
                }
            } else if let Some(sum) = line.strip_prefix("totals: ") {
                total = field(sum, 0);
            }
        }
        profile.instructions = total.ok_or_else(unknown)?;
        Ok(profile)
    }

    /// Returns the lower counts of both.
    pub(super) fn lower(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.min(other.instructions),
            hash: self.hash.min(other.hash),
            allocations: self.allocations.min(other.allocations),
        }
    }

    /// Returns the counts per request, from the runs with fewer and with more requests.
    pub(super) fn per_request(fewer: Self, more: Self, requests: f64) -> Self {
        Self {
            instructions: (more.instructions - fewer.instructions) / requests,
            hash: (more.hash - fewer.hash) / requests,
            allocations: (more.allocations - fewer.allocations) / requests,
        }
    }
}

impl Add for Profile {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            instructions: self.instructions + other.instructions,
            hash: self.hash + other.hash,
            allocations: self.allocations + other.allocations,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Hash,
    Allocator,
    Other,
}

impl Role {
    fn of(function: &str) -> Self {
        // callgrind appends a quote and a number to the inner calls of a recursion.
        let function = function.split('\'').next().unwrap_or(function);
        // Allocators that replace that of the C library have prefixes.
        let allocator = ["_rjem_", "je_", "mi_"]
            .iter()
            .find_map(|prefix| function.strip_prefix(prefix));
        match allocator.unwrap_or(function) {
            "malloc" | "calloc" | "realloc" | "posix_memalign" | "memalign" | "aligned_alloc"
            | "mallocx" | "rallocx" => Self::Allocator,
            _ if function.contains("sha256") && is_compression(function) => Self::Hash,
            _ => Self::Other,
        }
    }
}

fn is_compression(function: &str) -> bool {
    function.contains("compress") || function.contains("block_data_order")
}

/// The names of functions. A file has each name once, behind a number that later lines repeat.
#[derive(Default)]
struct Names<'t>(HashMap<&'t str, Role>);

impl<'t> Names<'t> {
    fn role(&mut self, name: &'t str) -> Role {
        match name.split_once(' ') {
            Some((number, name)) => {
                let role = Role::of(name);
                self.0.insert(number, role);
                role
            }
            None => self.0.get(name).copied().unwrap_or(Role::Other),
        }
    }
}

fn field(line: &str, number: usize) -> Option<f64> {
    line.split_whitespace().nth(number)?.parse().ok()
}

fn unknown() -> io::Error {
    io::Error::other("callgrind wrote an incomplete profile")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
events: Ir
fn=(1) gate::proxy::handle
5 200
cfi=(3) malloc.c
cfn=(2) malloc
calls=3 3281
0 2078
cfn=(4) sha2::sha256::compress256
calls=2 0
+1 6700
fn=(2)
0 2000
cfn=(5) realloc'2
calls=7 0
0 78
fn=(4)
0 6000
cfn=(4)
calls=1 0
0 300
fn=(6) gate::proxy::finish
cfn=(2)
calls=4 0
* 400
cfn=(4)
calls=1 0
-3 3300
cfn=(7) shani_cpuid::sha256
calls=1 0
0 9

totals: 225589766
";

    #[test]
    fn hashes_and_allocations_are_counted_where_others_call_them() {
        let profile = Profile::parse(TEXT).expect("complete");
        let expected = Profile {
            instructions: 225_589_766.0,
            hash: 10_000.0,
            allocations: 7.0,
        };
        assert_eq!(profile, expected);
    }

    #[test]
    fn a_profile_without_its_end_is_refused() {
        let end = TEXT.find("totals").expect("it has one");
        assert!(Profile::parse(&TEXT[..end]).is_err());
        assert!(Profile::parse("cfn=(1) malloc\ncalls=3 0\n").is_err());
    }

    #[test]
    fn threads_that_work_by_the_time_do_not_count() {
        let thread = |name: &str, total: u32| format!("fn=(1) {name}\n0 1\ntotals: {total}\n");
        let files = [
            thread("cartgate::main", 1),
            thread("cartgate::profile::learner::run", 20),
            thread("cartgate::proxy::work", 300),
        ];
        let profile = Profile::of_threads(files.iter().map(String::as_str)).expect("complete");
        assert_eq!(profile.instructions, 300.0);
        assert!(Profile::of_threads([].into_iter()).is_err());
    }

    #[test]
    fn other_allocators_count_too() {
        let text = "fn=(1) f\ncfn=(2) _rjem_mallocx\ncalls=5 0\n0 1\ntotals: 1\n";
        let profile = Profile::parse(text).expect("complete");
        assert_eq!(profile.allocations, 5.0);
    }
}
