//! The circumstances of a run: how many gates, which settings, and which faults occur. A run with
//! every fault finds less than many runs with some of them.

use std::time::Duration;

use super::random::Random;
use crate::inbox::{schedule::Schedule, settings::Limits};

/// The circumstances of a run.
#[derive(Debug)]
pub(super) struct Plan {
    /// The number of gates. Two share a store that has a clock of its own, as PostgreSQL has; one has
    /// a store that begins and ends with it, as SQLite has.
    pub(super) gates: usize,
    /// The names of destinations that may be configured.
    pub(super) names: Vec<String>,
    pub(super) limits: Limits,
    pub(super) retain: Duration,
    pub(super) encrypts: bool,
    pub(super) faults: Faults,
}

/// The faults that occur.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) apps: bool,
    pub(super) poison: bool,
    pub(super) store: bool,
    pub(super) syncs: bool,
    pub(super) crashes: bool,
    pub(super) clocks: bool,
    pub(super) reloads: bool,
    pub(super) operators: bool,
    pub(super) tampering: bool,
    pub(super) leaving: bool,
}

/// The schedules that a destination may have. A shorter one after a reload ends a delivery earlier.
const WAITS: [&[u64]; 3] = [&[5, 60, 600], &[1, 30, 300, 1200], &[10, 20, 40]];

/// The number of waits of the shortest schedule.
pub(super) const FEWEST_WAITS: u32 = 3;

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9));
        let gates = if random.chance(40) { 2 } else { 1 };
        let count = random.between(1, 4);
        let mut has = || random.chance(60);
        let faults = Faults {
            apps: has(),
            poison: has(),
            store: has(),
            syncs: has() && gates == 1,
            crashes: has(),
            clocks: has(),
            reloads: has() && count > 1,
            operators: has(),
            tampering: has() && has(),
            leaving: has(),
        };
        Self {
            gates,
            names: (0..count).map(|number| format!("app{number}")).collect(),
            limits: Limits {
                events: if random.chance(20) { 12 } else { 400 },
                bytes: 1 << 20,
                disk_floor: 0,
                copies: u32::try_from(random.between(1, 4)).expect("a small number"),
            },
            retain: Duration::from_secs(60 * random.between(10, 300)),
            encrypts: random.chance(20),
            faults,
        }
    }

    /// Returns one of the schedules.
    pub(super) fn schedule(random: &mut Random) -> Schedule {
        let waits = random.pick(&WAITS).iter();
        Schedule::new(waits.map(|seconds| Duration::from_secs(*seconds)).collect())
    }
}
