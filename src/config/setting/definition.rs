//! The definition of a setting, and of the tables that settings form.

use super::access::Access;
use crate::config::{finding::Finding, places::Places};

/// One setting of the plan `P`.
pub(crate) struct Setting<P> {
    /// The key in its table of the file.
    pub(crate) key: &'static str,
    /// The flag of `serve`, with its dashes.
    pub(crate) flag: Option<&'static str>,
    /// One line: a label, or an imperative.
    pub(crate) help: &'static str,
    /// Further sentences for the example and the reference page.
    pub(crate) details: &'static str,
    /// The missing value, if the file must have the key.
    pub(crate) required: Option<&'static str>,
    /// Whether only a restart applies a change.
    pub(crate) restart: bool,
    /// The default in words, if it is not a value.
    pub(crate) default: Option<&'static str>,
    /// A value for the example, if the default does not show how one is written.
    pub(crate) example: Option<&'static str>,
    /// The value in the plan.
    pub(crate) access: Box<dyn Access<P>>,
}

/// Settings of one table that belong together.
pub(crate) struct Group<P> {
    /// The heading above their flags; empty for the first flags of all.
    pub(crate) heading: &'static str,
    /// The settings.
    pub(crate) settings: Vec<Setting<P>>,
}

/// A plan that one table of the file describes.
pub(crate) trait Section: Clone + Send + Sync + Sized + 'static {
    /// The settings of the table, in the order of the example.
    fn groups() -> &'static [Group<Self>];

    /// The defaults. Required settings hold placeholders, which no complete plan keeps.
    fn new(at: Places) -> Self;

    /// The places of the table and its keys.
    fn places(&mut self) -> &mut Places;

    /// Reports values of the table that do not go together.
    fn finish(&mut self, _findings: &mut Vec<Finding>) {}

    /// Keys that were renamed: the old one, and the new one in words.
    fn renamed() -> &'static [(&'static str, &'static str)] {
        &[]
    }
}

impl<P> Setting<P> {
    /// A setting without flag that a reload applies.
    pub(crate) fn new(
        key: &'static str,
        help: &'static str,
        access: impl Access<P> + 'static,
    ) -> Self {
        Self {
            key,
            flag: None,
            help,
            details: "",
            required: None,
            restart: false,
            default: None,
            example: None,
            access: Box::new(access),
        }
    }

    /// Gives it a flag of `serve`.
    pub(crate) fn flag(self, flag: &'static str) -> Self {
        Self {
            flag: Some(flag),
            ..self
        }
    }

    /// Adds sentences for the example and the reference page.
    pub(crate) fn details(self, details: &'static str) -> Self {
        Self { details, ..self }
    }

    /// Makes it required; `what` describes the missing value.
    pub(crate) fn required(self, what: &'static str) -> Self {
        Self {
            required: Some(what),
            ..self
        }
    }

    /// Applies a change only at a restart.
    pub(crate) fn restart(self) -> Self {
        Self {
            restart: true,
            ..self
        }
    }

    /// Describes a default that differs from machine to machine.
    pub(crate) fn default(self, words: &'static str) -> Self {
        Self {
            default: Some(words),
            ..self
        }
    }

    /// Shows a value in the example.
    pub(crate) fn example(self, value: &'static str) -> Self {
        Self {
            example: Some(value),
            ..self
        }
    }
}

impl<P> Group<P> {
    /// Settings under a heading.
    pub(crate) fn new(
        heading: &'static str,
        settings: impl IntoIterator<Item = Setting<P>>,
    ) -> Self {
        Self {
            heading,
            settings: settings.into_iter().collect(),
        }
    }
}

/// All settings of a table.
pub(crate) fn settings<P: Section>() -> impl Iterator<Item = &'static Setting<P>> {
    P::groups().iter().flat_map(|group| &group.settings)
}
