//! The JSON types of the values at one place.

use serde::{Deserialize, Serialize};

/// A JSON type. Integers are told from other numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// A set of types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Types(u8);

impl ValueType {
    const ALL: [Self; 7] = [
        Self::Null,
        Self::Boolean,
        Self::Integer,
        Self::Number,
        Self::String,
        Self::Array,
        Self::Object,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl Types {
    pub(super) fn add(&mut self, one: ValueType) {
        self.0 |= 1 << one as u8;
    }

    pub(super) fn add_all(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Whether all values have this type.
    pub(super) fn are_only(self, one: ValueType) -> bool {
        self.0 == 1 << one as u8
    }

    /// Returns the names of the types.
    pub(super) fn names(self) -> Vec<String> {
        let all = ValueType::ALL.into_iter();
        let found = all.filter(|one| self.0 & (1 << *one as u8) != 0);
        found.map(|one| one.name().to_owned()).collect()
    }
}
