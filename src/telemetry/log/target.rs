//! The target of the lines about requests.

/// The target of the lines about requests.
pub(crate) const TARGET: &str = "cartgate::access";
