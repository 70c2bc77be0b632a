//! A TOML text on its way to a plan: its tables and values with their places, and all findings so far. A table knows which
//! keys it was asked for, so whatever is left over is unknown, and what was perhaps meant is one of those. What a key
//! means is read elsewhere.

use std::{cell::RefCell, fmt::Display, ops::Range};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use crate::config::finding::{Finding, Place};

/// The text, and what was found wrong with it.
pub(super) struct Document<'t> {
    text: &'t str,
    findings: RefCell<Vec<Finding>>,
    /// Whether it is TOML at all: if not, what seems to be missing may only not have been understood.
    is_toml: bool,
}

/// A value where it was written.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

impl<'t> Document<'t> {
    /// Hands the text's outermost table to `read`, and adds what was found wrong.
    pub(super) fn read<T>(
        text: &'t str,
        findings: &mut Vec<Finding>,
        read: impl FnOnce(&mut Table<'_, 't>) -> Option<T>,
    ) -> Option<T> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Document {
            text,
            findings: RefCell::default(),
            is_toml: errors.is_empty(),
        };
        for error in errors {
            document.report(&error.span().unwrap_or_default(), error.message());
        }
        let mut table = Table::new(&document, root.span(), root.into_inner());
        let result = read(&mut table);
        table.close();
        findings.extend(document.findings.into_inner());
        result
    }

    fn report(&self, span: &Range<usize>, message: impl Display) {
        self.add(Finding::new(self.place(span), message));
    }

    fn add(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    fn place(&self, span: &Range<usize>) -> Place {
        let mut end = span.start.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place::File {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// A table and what has been asked of it.
pub(super) struct Table<'d, 't> {
    document: &'d Document<'t>,
    span: Range<usize>,
    entries: Vec<(Spanned<DeString<'t>>, Spanned<DeValue<'t>>)>,
    asked: Vec<&'static str>,
}

impl<'d, 't> Table<'d, 't> {
    fn new(document: &'d Document<'t>, span: Range<usize>, table: DeTable<'t>) -> Self {
        Self {
            document,
            span,
            entries: table.into_iter().collect(),
            asked: Vec::new(),
        }
    }

    /// The value of a key, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'d, 't>> {
        self.asked.push(key);
        let index = self
            .entries
            .iter()
            .position(|(name, _)| name.get_ref() == key)?;
        let (_, value) = self.entries.swap_remove(index);
        Some(Value {
            document: self.document,
            value,
        })
    }

    /// The value of a key that must be there.
    pub(super) fn demand(&mut self, key: &'static str, what: &str) -> Option<Value<'d, 't>> {
        let value = self.take(key);
        if value.is_none() {
            self.misses(format_args!("`{key}` is missing: {what}"));
        }
        value
    }

    /// A text of a key, as `parse` understands it.
    pub(super) fn text<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.take(key)?.text(parse).map(|at| at.value)
    }

    /// One text or a list of texts, each as `parse` understands it.
    pub(super) fn texts<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let texts = self.take(key)?.texts(parse);
        Some(texts.into_iter().map(|at| at.value).collect())
    }

    /// The same, where none would mean something else than nothing.
    pub(super) fn some_texts<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let value = self.take(key)?.not_empty("expected at least one")?;
        Some(value.texts(parse).into_iter().map(|at| at.value).collect())
    }

    /// A number of a key, as `parse` understands its digits or the text in its place.
    pub(super) fn number<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.take(key)?.number(parse).map(|at| at.value)
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.take(key)?.flag()
    }

    /// The table of a key.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Table<'d, 't>> {
        self.take(key)?.table()
    }

    /// Every entry that is left, with its key, for tables whose keys are names.
    pub(super) fn rest(&mut self) -> Vec<(At<String>, Value<'d, 't>)> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
            .into_iter()
            .map(|(key, value)| {
                let at = At {
                    place: self.document.place(&key.span()),
                    value: key.into_inner().into_owned(),
                };
                (
                    at,
                    Value {
                        document: self.document,
                        value,
                    },
                )
            })
            .collect()
    }

    pub(super) fn place(&self) -> Place {
        self.document.place(&self.span)
    }

    /// Something about the table as a whole is wrong.
    pub(super) fn report(&self, message: impl Display) {
        self.document.report(&self.span, message);
    }

    /// Something is wrong elsewhere.
    pub(super) fn add(&self, finding: Finding) {
        self.document.add(finding);
    }

    /// Something that must be there is not.
    pub(super) fn misses(&self, message: impl Display) {
        if self.document.is_toml {
            self.report(message);
        }
    }

    /// Reports what nobody asked for.
    pub(super) fn close(self) {
        for (key, _) in &self.entries {
            let finding = Finding::new(self.document.place(&key.span()), "this key is unknown");
            let meant = nearest(key.get_ref(), &self.asked);
            self.document.add(finding.or_rather(meant));
        }
    }
}

/// A value of any type.
pub(super) struct Value<'d, 't> {
    document: &'d Document<'t>,
    value: Spanned<DeValue<'t>>,
}

impl<'d, 't> Value<'d, 't> {
    /// A text, as `parse` understands it.
    pub(super) fn text<T, E: Display>(
        self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        let Some(text) = self.value.get_ref().as_str() else {
            return self.is_not("a text in quotes");
        };
        match parse(text) {
            Ok(value) => Some(At {
                value,
                place: self.place(),
            }),
            Err(error) => self.fails(error),
        }
    }

    /// One text or a list of texts. Each of them is looked at, not only those before the first that is wrong.
    pub(super) fn texts<T, E: Display>(self, parse: impl Fn(&str) -> Result<T, E>) -> Vec<At<T>> {
        let items = self.items().into_iter();
        items.filter_map(|item| item.text(&parse)).collect()
    }

    /// A number, or a text, as `parse` understands them: a size may be written `4096` or `"4KiB"`.
    pub(super) fn number<T, E: Display>(
        self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        let parsed = match self.value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => parse(number.as_str()),
            DeValue::String(text) => parse(text),
            _ => return self.is_not("a whole number in digits, or a text in quotes"),
        };
        match parsed {
            Ok(value) => Some(At {
                value,
                place: self.place(),
            }),
            Err(error) => self.fails(error),
        }
    }

    pub(super) fn flag(self) -> Option<bool> {
        match self.value.get_ref().as_bool() {
            Some(flag) => Some(flag),
            None => self.is_not("true or false"),
        }
    }

    pub(super) fn table(self) -> Option<Table<'d, 't>> {
        if !self.is_table() {
            return self.is_not("a table");
        }
        let span = self.value.span();
        match self.value.into_inner() {
            DeValue::Table(table) => Some(Table::new(self.document, span, table)),
            _ => None,
        }
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Table(_))
    }

    /// The tables of a list.
    pub(super) fn tables(self, header: &str) -> Vec<Table<'d, 't>> {
        if !self.value.get_ref().is_array() {
            let _: Option<()> = self.is_not(&format!("{header}, which may stand several times"));
            return Vec::new();
        }
        self.items().into_iter().filter_map(Self::table).collect()
    }

    /// The items of a list, or the one value that stands in its place.
    pub(super) fn items(self) -> Vec<Self> {
        let document = self.document;
        if !self.value.get_ref().is_array() {
            return vec![self];
        }
        match self.value.into_inner() {
            DeValue::Array(items) => items
                .into_iter()
                .map(|value| Self { document, value })
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn place(&self) -> Place {
        self.document.place(&self.value.span())
    }

    /// The same value, unless it is a list of nothing, which is reported.
    pub(super) fn not_empty(self, message: &str) -> Option<Self> {
        let is_empty = self
            .value
            .get_ref()
            .as_array()
            .is_some_and(|list| list.is_empty());
        if is_empty {
            self.fails(message)
        } else {
            Some(self)
        }
    }

    fn fails<T>(&self, message: impl Display) -> Option<T> {
        self.document.report(&self.value.span(), message);
        None
    }

    fn is_not<T>(&self, what: &str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.fails(format_args!("expected {what}, found {found}"))
    }
}

/// Less alike than this, a word is a guess and no help.
const ALIKE: f64 = 0.75;

/// The word that is most like the one given.
pub(super) fn nearest<'w>(given: &str, words: &[&'w str]) -> Option<&'w str> {
    words
        .iter()
        .map(|word| (strsim::normalized_damerau_levenshtein(given, word), *word))
        .filter(|(likeness, word)| *likeness >= ALIKE || word.starts_with(given) && given.len() > 2)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_meant_only_if_it_is_alike() {
        let words = ["listen", "max_body", "max_memory", "path"];
        for (given, meant) in [
            ("lisen", Some("listen")),
            ("listne", Some("listen")),
            ("max-body", Some("max_body")),
            ("max_mem", Some("max_memory")),
            ("pahts", None),
            ("planted-secret", None),
        ] {
            assert_eq!(nearest(given, &words), meant, "{given}");
        }
    }

    #[test]
    fn places_are_lines_and_characters() {
        let text = "a = 1\n\"é\" = 2\n\"ü\" = { lisen = 3 }";
        let mut findings = Vec::new();
        Document::read(text, &mut findings, |root| {
            root.take("a");
            let mut table = root.table("\u{fc}")?;
            table.take("listen");
            table.close();
            Some(())
        });
        let mut places: Vec<_> = findings.iter().map(ToString::to_string).collect();
        places.sort();
        let unknown = [
            "2:1: this key is unknown",
            "3:9: this key is unknown; did you mean `listen`?",
        ];
        assert_eq!(places, unknown);
    }
}
