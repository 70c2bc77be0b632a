//! The tests that simulate.

use std::{collections::BTreeSet, env, iter, time::Instant};

use super::{
    bug::Bug,
    outcome::Outcome,
    run::{HOURS, run},
};

/// The simulated hours of `cargo test`, and of `make drills`.
const QUICK: u64 = 1_000;
const LONG: u64 = 1_000_000;

/// The seeds within which each planted bug is found.
const SEEDS: u64 = 1_000;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

/// Returns the number of power cuts that lost a commit.
fn simulate(hours: u64) -> u32 {
    let (begun, first) = (
        Instant::now(),
        number("CARTGATE_SIMULATION_SEED").unwrap_or(1),
    );
    let (runs, mut accepted, mut power_cuts) = (hours.div_ceil(HOURS), 0, 0);
    for seed in first..first + runs {
        let outcome = run(seed, None);
        assert!(outcome.violation.is_none(), "{outcome}");
        accepted += u64::from(outcome.accepted);
        power_cuts += outcome.power_cuts;
    }
    println!(
        "simulated {} hours with {runs} seeds from {first} on, in {:.1?}: apps accepted {accepted} deliveries, \
         power cuts that lost a commit: {power_cuts}",
        runs * HOURS,
        begun.elapsed()
    );
    power_cuts
}

#[test]
fn a_thousand_hours_break_no_invariant() {
    assert!(simulate(QUICK) > 0, "no power cut loses a commit");
}

#[test]
#[ignore = "takes long; `make drills` runs it"]
fn many_hours_break_no_invariant() {
    simulate(number("CARTGATE_SIMULATION_HOURS").unwrap_or(LONG));
}

#[test]
#[ignore = "repeats the run of CARTGATE_SIMULATION_SEED, and prints its log"]
fn one_seed() {
    let outcome = run(number("CARTGATE_SIMULATION_SEED").unwrap_or(1), None);
    println!("{outcome}");
    assert!(outcome.violation.is_none(), "it breaks an invariant");
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let [first, again, other] = [7, 7, 8].map(|seed| run(seed, None));
    assert_eq!(first.hash, again.hash, "{first}\n\n{again}");
    assert_ne!(first.hash, other.hash);
}

/// A seed that finds each bug. It is tried first, so that the test is short. A change of the code
/// changes the runs of all seeds; the others are tried after it.
const FINDERS: [(Bug, u64); 14] = [
    (Bug::AcknowledgesBeforeSync, 2),
    (Bug::AcknowledgesWhatItReads, 2),
    (Bug::StopsWithClient, 4),
    (Bug::RemovesUndelivered, 1),
    (Bug::SettlesRejected, 1),
    (Bug::ForgetsDeferred, 1),
    (Bug::IgnoresToken, 106),
    (Bug::IgnoresLease, 1),
    (Bug::SkipsSeals, 17),
    (Bug::SkipsHeads, 75),
    (Bug::SkipsEndpoints, 78),
    (Bug::ContinuesAfterFailedSync, 37),
    (Bug::IgnoresCopyLimit, 6),
    (Bug::DropsDuplicates, 1),
];

#[test]
fn each_planted_bug_is_found() {
    for (bug, first) in FINDERS {
        let mut runs = iter::once(first)
            .chain(1..=SEEDS)
            .map(|seed| run(seed, Some(bug)));
        let found = runs.find(|outcome| outcome.violation.is_some());
        let Outcome {
            seed, violation, ..
        } = found.unwrap_or_else(|| panic!("{bug:?} is not found"));
        let violation = violation.expect("found");
        println!("{bug:?}: found by seed {seed}: {}", violation.text);
        assert_eq!(
            violation.invariant,
            bug.invariant(),
            "{bug:?}: {}",
            violation.text
        );
    }
    let broken: BTreeSet<u8> = FINDERS.iter().map(|(bug, _)| bug.invariant()).collect();
    assert!(broken.into_iter().eq(1..=8), "a bug for each invariant");
}
