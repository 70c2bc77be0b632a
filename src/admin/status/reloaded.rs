//! The result of a reload that was requested through the admin listener.

use serde::{Deserialize, Serialize};

/// The result of a reload: whether the new configuration is in force, with its errors and warnings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether the new configuration is in force. Otherwise the old one stays in force.
    pub in_force: bool,
    /// The mistakes in the new configuration, each with its place.
    #[serde(default)]
    pub errors: Vec<String>,
    /// Possible mistakes, and changes that only a restart applies.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl Reloaded {
    /// Returns the result of a reload that left the old configuration in force.
    #[must_use]
    pub fn failed(errors: Vec<String>) -> Self {
        Self {
            errors,
            ..Self::default()
        }
    }
}
