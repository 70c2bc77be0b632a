//! A setting as documents describe it.

/// A setting as the reference describes it, whatever its type.
#[derive(Debug, Clone)]
pub struct Description {
    /// The key in its table.
    pub key: &'static str,
    /// The flag of `serve`, with its dashes.
    pub flag: Option<&'static str>,
    /// One line: a label, or an imperative.
    pub help: &'static str,
    /// Further sentences.
    pub details: &'static str,
    /// Whether the table must have it.
    pub required: bool,
    /// Whether only a restart applies a change.
    pub restart: bool,
    /// The default as the file writes it.
    pub value: Option<String>,
    /// The default in words, if it differs from machine to machine.
    pub default: Option<String>,
    /// A value for the example.
    pub example: Option<&'static str>,
    /// The words that the value can be; none if there are too many to list.
    pub words: Vec<String>,
    /// The settings of the table, if it is one.
    pub nested: Option<Vec<Description>>,
}
