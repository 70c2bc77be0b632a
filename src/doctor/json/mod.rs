//! JSON documents whose numbers and strings keep their spelling, and the ways in which common
//! libraries write them.

mod document;
mod style;
mod writer;

pub(crate) use document::{Node, Text, parse};
pub(super) use style::Style;
pub(super) use writer::write;

#[cfg(test)]
mod tests;
