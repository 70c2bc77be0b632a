//! The result of a reload that was requested through the admin listener.

use serde::{Deserialize, Serialize};

/// Whether the configuration was replaced, and what the gate has to say about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The configuration that was just read is in force. Otherwise the old one stays in force.
    pub in_force: bool,
    /// Each mistake that kept the old configuration in force, with its place.
    #[serde(default)]
    pub errors: Vec<String>,
    /// Possible mistakes, and changes that only a restart applies.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl Reloaded {
    /// The result of a reload that left the old configuration in force.
    #[must_use]
    pub fn failed(errors: Vec<String>) -> Self {
        Self {
            errors,
            ..Self::default()
        }
    }
}
