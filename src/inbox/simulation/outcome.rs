//! The result of a run, and how to run it again.

use std::fmt;

use super::ledger::Violation;

/// The result of a run.
pub(super) struct Outcome {
    pub(super) seed: u64,
    pub(super) hash: u64,
    pub(super) accepted: u32,
    /// The number of power cuts that lost a commit.
    pub(super) power_cuts: u32,
    pub(super) violation: Option<Violation>,
    pub(super) trace: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = self.seed;
        writeln!(f, "{}", self.trace)?;
        if let Some(Violation { invariant, text }) = &self.violation {
            writeln!(
                f,
                "seed {seed} breaks invariant {invariant} of src/inbox/mod.rs: {text}"
            )?;
        }
        let command = "cargo test --lib simulation::tests::one_seed -- --ignored --nocapture";
        write!(f, "run it again: CARTGATE_SIMULATION_SEED={seed} {command}")
    }
}
