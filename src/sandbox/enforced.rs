//! The parts of the sandbox that the kernel enforces.

/// The parts of the sandbox that the kernel enforces.
#[derive(Debug, Default)]
pub(super) struct Enforced {
    pub(super) files: bool,
    pub(super) ports: bool,
    /// The parts that it does not enforce, in words.
    pub(super) missing: Vec<String>,
}
