//! A finding about a configuration: its place, the expected value, and a suggestion. It never
//! repeats a text of the configuration, which may be a secret in the wrong place.

use std::fmt;

use serde::{Serialize, Serializer};

use super::variable::variable_of;

/// A mistake, or a value that looks like one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The place.
    #[serde(flatten)]
    pub place: Place,
    /// The mistake, and the expected value.
    pub message: String,
    /// The likely word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
}

/// The place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// A place in the file. Lines and columns are counted from 1; columns are characters.
    File {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A flag.
    Flag {
        /// The flag, with its dashes.
        flag: &'static str,
    },
    /// The variable of a flag.
    Variable {
        /// The flag, with its dashes.
        #[serde(rename = "variable", serialize_with = "as_variable")]
        of: &'static str,
    },
}

impl Place {
    /// Returns the place of a default, which is written nowhere.
    #[must_use]
    pub const fn nowhere() -> Self {
        Self::File { line: 0, column: 0 }
    }

    /// Returns the place of a flag.
    #[must_use]
    pub const fn flag(flag: &'static str) -> Self {
        Self::Flag { flag }
    }
}

impl Finding {
    /// Returns a finding without a suggestion.
    pub fn new(place: Place, message: impl fmt::Display) -> Self {
        Self {
            place,
            message: message.to_string(),
            did_you_mean: None,
        }
    }

    /// Adds a suggestion.
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

/// Writes `12:5` for a place in a file: with a path before it, editors can jump to it.
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
