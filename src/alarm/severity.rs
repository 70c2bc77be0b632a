//! The urgency of a condition.

use serde::{Deserialize, Serialize};

/// The urgency of a condition.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It can wait, and is no open problem.
    #[default]
    Info,
    /// It becomes worse without a person.
    Warning,
    /// Deliveries are lost or stuck now.
    Critical,
}

impl Severity {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
