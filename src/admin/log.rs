//! The target of log lines about operators.

/// The target of log lines about the actions of operators.
pub(crate) const TARGET: &str = "cartgate::admin";
