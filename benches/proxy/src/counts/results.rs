//! The counted costs, and their table.

use std::{fmt::Write, fs, io, path::Path, process::Command};

use super::{case::Case, decimal::decimal, profile::Profile, system_calls::SystemCalls};
use crate::table::number;

/// The cost of a request of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    pub(super) profile: Profile,
    pub(super) system_calls: SystemCalls,
}

impl Cost {
    /// Returns the instructions without those of the hash.
    pub(crate) fn own(&self) -> f64 {
        self.profile.instructions - self.profile.hash
    }

    /// Returns the counts that have a budget. Others depend on the time: the number of pieces in which
    /// a large body arrives, and the number of log lines that are written at once.
    pub(super) fn budgeted(&self, case: Case) -> Vec<(&'static str, f64)> {
        let [own, hash, allocations, calls] = self.figures();
        if case.is_large() {
            vec![hash, calls]
        } else if case.has_log() {
            vec![own, hash, allocations]
        } else {
            vec![own, hash, allocations, calls]
        }
    }

    /// Returns the lower counts of both. Noise adds calls and instructions, and removes none.
    fn lower(&self, other: &Self) -> Self {
        let system_calls = if other.system_calls.sum() < self.system_calls.sum() {
            &other.system_calls
        } else {
            &self.system_calls
        };
        Self {
            profile: self.profile.lower(other.profile),
            system_calls: system_calls.clone(),
        }
    }

    /// Returns whole numbers, because a request does not cause the rest.
    fn figures(&self) -> [(&'static str, f64); 4] {
        [
            ("own instructions", self.own().round()),
            ("hash instructions", self.profile.hash.round()),
            ("allocations", self.profile.allocations.round()),
            ("system calls", self.system_calls.sum().round()),
        ]
    }
}

/// The costs of all kinds of requests.
pub(crate) struct Results {
    /// The compiler and the C library, on which counts depend.
    pub(crate) made_with: String,
    pub(super) costs: Vec<(Case, Cost)>,
}

/// The largest accepted difference of the hash to that of its number of blocks, as a part.
const HASH_TOLERANCE: f64 = 0.05;

impl Results {
    /// Returns the cost of a request of this kind.
    pub(crate) fn cost(&self, case: Case) -> Option<&Cost> {
        let mut costs = self.costs.iter();
        Some(&costs.find(|(of, _)| *of == case)?.1)
    }

    /// Returns the lower counts of two measurements of the same gate.
    pub(crate) fn lower(self, other: &Self) -> Self {
        let costs = self.costs.iter().map(|(case, cost)| {
            let lower = other.cost(*case).map(|other| cost.lower(other));
            (*case, lower.unwrap_or_else(|| cost.clone()))
        });
        Self {
            costs: costs.collect(),
            ..self
        }
    }

    /// Checks that the hash costs the same per block at each size. Otherwise the compiler has
    /// inlined its function, or it has another name.
    pub(super) fn check_hash(&self) -> io::Result<()> {
        let per_block = |(case, cost): &(Case, Cost)| cost.profile.hash / case.blocks() as f64;
        let first = self.costs.first().map_or(0.0, per_block);
        for one in &self.costs {
            let here = per_block(one);
            if first <= 0.0 || (here / first - 1.0).abs() > HASH_TOLERANCE {
                return Err(io::Error::other(format!(
                    "the hash is not found in the profile: {here:.0} instructions per block of {}, {first:.0} of {}",
                    one.0.name(),
                    self.costs[0].0.name(),
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "Counted with {}.\n\n\
             | request | instructions | of which the hash | own | allocations | system calls | by name |\n\
             |---|---:|---:|---:|---:|---:|---|\n",
            self.made_with
        );
        for (case, cost) in &self.costs {
            let [own, hash, ..] = cost.figures().map(|(_, value)| value);
            let line = format!(
                "| {} | {} | {} | {} | {} | {} | {} |",
                case.name(),
                number(cost.profile.instructions),
                number(hash),
                number(own),
                decimal(cost.profile.allocations),
                decimal(cost.system_calls.sum()),
                cost.system_calls.names()
            );
            writeln!(text, "{line}").expect("a String takes all that is written");
        }
        if let Some(more) = self.log() {
            let line = format!(
                "\nThe access log takes {} additional instructions.",
                number(more)
            );
            writeln!(text, "{line}").expect("a String takes all that is written");
        }
        text
    }

    /// Returns the additional instructions of a request with a log line.
    pub(crate) fn log(&self) -> Option<f64> {
        let [without, with] = [Case::VERIFIED, Case::VERIFIED_WITH_LOG].map(|case| self.cost(case));
        Some(with?.own() - without?.own())
    }
}

/// Returns the architecture, the compiler of a program, which names itself in it, and the C library
/// of this machine.
pub(super) fn made_with(program: &Path) -> io::Result<String> {
    const MARK: &[u8] = b"rustc version ";
    let bytes = fs::read(program)?;
    let place = bytes.windows(MARK.len()).position(|window| window == MARK);
    let version = place.and_then(|place| {
        bytes[place + MARK.len()..]
            .split(|byte| *byte <= b' ')
            .next()
    });
    let version = String::from_utf8_lossy(version.unwrap_or(b"unknown"));
    let library = Command::new("getconf").arg("GNU_LIBC_VERSION").output()?;
    let library = String::from_utf8_lossy(&library.stdout);
    let architecture = std::env::consts::ARCH;
    Ok(format!(
        "rustc {version}, {}, {architecture}",
        library.trim()
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn results(own: f64, hash: f64) -> Results {
        let costs = Case::ALL.map(|case| {
            let profile = Profile {
                instructions: own + hash * case.blocks() as f64,
                hash: hash * case.blocks() as f64,
                allocations: 31.0,
            };
            let calls = [("recvfrom", 3.0), ("writev", 1.0), ("epoll_wait", 1.98)];
            let calls = calls.map(|(name, count)| (name.to_owned(), count));
            let cost = Cost {
                profile,
                system_calls: SystemCalls(calls.into()),
            };
            (case, cost)
        });
        Results {
            made_with: "rustc 1.95.0, glibc 2.36, x86_64".to_owned(),
            costs: costs.to_vec(),
        }
    }

    #[test]
    fn the_table_has_whole_counts() {
        let text = results(39_400.0, 3_350.0).markdown();
        let line = "| verified, 200 B | 56,150 | 16,750 | 39,400 | 31 | 4 | \
                    epoll_wait 2, recvfrom 3, writev 1 |";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("takes 0.00 additional"), "{text}");
    }

    #[test]
    fn the_lower_counts_of_two_measurements_are_free_of_noise() {
        let lower = results(39_400.0, 3_350.0).lower(&results(39_000.0, 3_350.0));
        assert_eq!(lower.cost(Case::VERIFIED).expect("counted").own(), 39_000.0);
        let lower = lower.lower(&results(41_000.0, 3_350.0));
        assert_eq!(lower.cost(Case::VERIFIED).expect("counted").own(), 39_000.0);
    }

    #[test]
    fn a_hash_that_is_not_found_or_does_not_grow_is_an_error() {
        assert!(results(1.0, 3_350.0).check_hash().is_ok());
        assert!(results(1.0, 0.0).check_hash().is_err());
        let mut inlined = results(1.0, 3_350.0);
        inlined.costs[2].1.profile.hash *= 0.9;
        assert!(inlined.check_hash().is_err());
    }

    #[test]
    fn the_compiler_names_itself_in_a_program() {
        let program = tempfile::NamedTempFile::new().expect("a file");
        let made = |bytes: &[u8]| {
            fs::write(program.path(), bytes).expect("written");
            made_with(program.path()).expect("read")
        };
        let text = made(b"\x7fELF\0\xffrustc version 1.95.0 (59807616e 2026-04-14)\0GCC");
        assert!(text.starts_with("rustc 1.95.0, glibc 2."), "{text}");
        assert!(made(b"").starts_with("rustc unknown, "));
    }
}
