//! The type of one value: how it is parsed, written and described, in the file and in flags alike.

use clap::builder::PossibleValue;
use serde_json::{Value as Json, json};

use super::access::Text;
use crate::config::document::{At, Value};

/// The type of a value. Clones are cheap: everything is a function or a constant.
pub(crate) struct Kind<T> {
    /// The placeholder of a flag.
    pub(crate) placeholder: &'static str,
    /// How the value is written.
    pub(crate) shape: Shape,
    /// Parses a text. The error never repeats it.
    pub(crate) parse: fn(&str) -> Result<T, String>,
    /// Writes the value as a text that `parse` takes.
    pub(crate) write: fn(&T) -> String,
}

/// How a value is written in a file.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A text that matches this regular expression; empty for every text.
    Text(&'static str),
    /// A number, or a text with its digits.
    Number {
        /// The least.
        least: u64,
        /// The most; none if the type is the only limit.
        most: Option<u64>,
    },
    /// A number of bytes, or a text with a unit.
    Size,
    /// One of a few words.
    Word(fn() -> Vec<PossibleValue>),
}

/// A size with a unit, as `value::size` reads it.
const SIZE: &str = r"^ *[0-9]+(\.[0-9]+)? *([KkMmGgTtPpEe]?[Ii]?[Bb]?) *$";

impl<T> Kind<T> {
    /// Reads a value of the file.
    pub(crate) fn read(&self, value: Value<'_, '_>) -> Option<At<T>> {
        match self.shape {
            Shape::Number { .. } | Shape::Size => value.number(self.parse),
            Shape::Text(_) => value.text(self.parse),
            Shape::Word(words) => {
                let words = words();
                let words: Vec<_> = words.iter().map(PossibleValue::get_name).collect();
                value.word(self.parse, &words)
            }
        }
    }

    /// Returns the value as it is written in a file: a number where the text is one.
    pub(crate) fn show(&self, value: &T) -> toml::Value {
        let text = (self.write)(value);
        match (self.shape, text.parse()) {
            (Shape::Number { .. } | Shape::Size, Ok(number)) => toml::Value::Integer(number),
            _ => toml::Value::String(text),
        }
    }

    /// Returns how a flag takes the value.
    pub(crate) fn text(&self) -> Text {
        Text {
            placeholder: self.placeholder,
            words: match self.shape {
                Shape::Word(words) => words(),
                _ => Vec::new(),
            },
            variable: None,
        }
    }

    /// Returns the JSON schema of the value.
    pub(crate) fn schema(&self) -> Json {
        match self.shape {
            Shape::Text("") => json!({ "type": "string" }),
            Shape::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
            Shape::Number { least, most } => {
                let mut number = json!({ "type": "integer", "minimum": least });
                if let Some(most) = most {
                    number["maximum"] = most.into();
                }
                json!({ "anyOf": [number, { "type": "string", "pattern": "^[0-9]+$" }] })
            }
            Shape::Size => json!({ "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": SIZE },
            ] }),
            Shape::Word(words) => {
                let words = words();
                let words: Vec<_> = words.iter().map(PossibleValue::get_name).collect();
                json!({ "enum": words })
            }
        }
    }
}

/// Writes a value in one line, as an example or a table of the reference does.
pub(crate) fn inline(value: &toml::Value) -> String {
    value.to_string()
}
