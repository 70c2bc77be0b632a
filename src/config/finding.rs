//! What is wrong with a configuration, or looks like a mistake: where, what was expected, and what was perhaps meant. A
//! text of the configuration itself is never part of it: it may be a secret that stands in the wrong place.

use std::fmt;

use serde::{Serialize, Serializer};

use super::variable::variable_of;

/// One thing that is wrong, or looks like it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What.
    pub message: String,
    /// What was perhaps meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
}

/// Where a value was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// In the file, both counted from 1; columns are characters.
    File {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// In this flag.
    Flag {
        /// With its dashes.
        flag: &'static str,
    },
    /// In the variable of this flag.
    Variable {
        /// The flag, with its dashes.
        #[serde(rename = "variable", serialize_with = "as_variable")]
        of: &'static str,
    },
}

impl Place {
    /// No place: the value is a default.
    #[must_use]
    pub const fn nowhere() -> Self {
        Self::File { line: 0, column: 0 }
    }

    /// In a flag.
    #[must_use]
    pub const fn flag(flag: &'static str) -> Self {
        Self::Flag { flag }
    }
}

impl Finding {
    /// Something that is wrong at a place.
    pub fn new(place: Place, message: impl fmt::Display) -> Self {
        Self {
            place,
            message: message.to_string(),
            did_you_mean: None,
        }
    }

    /// The same with what was perhaps meant.
    #[must_use]
    pub fn or_rather(self, did_you_mean: Option<&str>) -> Self {
        Self {
            did_you_mean: did_you_mean.map(str::to_owned),
            ..self
        }
    }
}

fn as_variable<S: Serializer>(flag: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&variable_of(flag))
}

/// `12:5` for a place in a file, so that a path before it gives what editors jump to.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line, column } => write!(f, "{line}:{column}"),
            Self::Flag { flag } => f.write_str(flag),
            Self::Variable { of } => f.write_str(&variable_of(of)),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.did_you_mean {
            Some(word) => write!(f, "; did you mean `{word}`?"),
            None => Ok(()),
        }
    }
}
