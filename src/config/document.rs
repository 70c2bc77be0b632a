//! A TOML text on its way to a plan: its tables and values with their places, and all findings so
//! far. A table knows the keys that were asked for, so it reports every other key as unknown and
//! suggests one of those.

use std::{cell::RefCell, fmt::Display, ops::Range};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::finding::{Finding, Place};

/// A text, and the mistakes that were found in it.
pub(crate) struct Document<'t> {
    text: &'t str,
    findings: RefCell<Vec<Finding>>,
    /// Whether the text is TOML. If not, a value may only seem to be missing.
    is_toml: bool,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<'t> Document<'t> {
    /// Passes the outermost table to `read`, and adds the mistakes that were found.
    pub(crate) fn read<T>(
        text: &'t str,
        findings: &mut Vec<Finding>,
        read: impl FnOnce(Table<'_, 't>) -> T,
    ) -> T {
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Document {
            text,
            findings: RefCell::default(),
            is_toml: errors.is_empty(),
        };
        for error in errors {
            document.report(&error.span().unwrap_or_default(), error.message());
        }
        let result = read(Table::new(&document, root.span(), root.into_inner()));
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

/// A table, and the keys that were asked for.
pub(crate) struct Table<'d, 't> {
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

    /// Takes the value of a key.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Value<'d, 't>> {
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

    /// Takes the value of a required key; `what` describes it if it is missing.
    pub(crate) fn demand(&mut self, key: &'static str, what: &str) -> Option<Value<'d, 't>> {
        let value = self.take(key);
        if value.is_none() && self.document.is_toml {
            self.report(format_args!("`{key}` is missing: {what}"));
        }
        value
    }

    /// Takes every other entry, for tables whose keys are names.
    pub(crate) fn rest(&mut self) -> Vec<(At<String>, Value<'d, 't>)> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by_key(|(key, _)| key.span().start);
        let document = self.document;
        let entries = entries.into_iter().map(|(key, value)| {
            let place = document.place(&key.span());
            let value = Value { document, value };
            let name = key.into_inner().into_owned();
            (At { value: name, place }, value)
        });
        entries.collect()
    }

    /// The place of the table.
    pub(crate) fn place(&self) -> Place {
        self.document.place(&self.span)
    }

    /// Whether the whole text is TOML.
    pub(crate) fn is_toml(&self) -> bool {
        self.document.is_toml
    }

    /// Reports a mistake of the table as a whole.
    pub(crate) fn report(&self, message: impl Display) {
        self.document.report(&self.span, message);
    }

    /// Reports a mistake at another place.
    pub(crate) fn add(&self, finding: Finding) {
        self.document.add(finding);
    }

    /// Returns the finding about an unknown key, with the likely one or a way to find it.
    fn unknown(&self, place: Place, key: &str) -> Finding {
        match nearest(key, &self.asked) {
            None => Finding::new(
                place,
                "this key is unknown; `cartgate check --schema` lists every key",
            ),
            near => Finding::new(place, "this key is unknown").or_rather(near),
        }
    }

    /// Reports every key that was not asked for. `renamed` lists old keys, and the new ones in
    /// words.
    pub(crate) fn close(self, renamed: &[(&str, &str)]) {
        for (key, _) in &self.entries {
            let place = self.document.place(&key.span());
            let old = renamed.iter().find(|(old, _)| key.get_ref() == *old);
            self.document.add(match old {
                Some((_, new)) => {
                    Finding::new(place, format_args!("this key was renamed to {new}"))
                }
                None => self.unknown(place, key.get_ref()),
            });
        }
    }
}

/// A value of any type.
pub(crate) struct Value<'d, 't> {
    document: &'d Document<'t>,
    value: Spanned<DeValue<'t>>,
}

impl<'d, 't> Value<'d, 't> {
    /// Parses a text.
    pub(crate) fn text<T, E: Display>(
        self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        self.word(parse, &[])
    }

    /// Parses a text that is one of a few words; a mistake suggests the nearest.
    pub(crate) fn word<T, E: Display>(
        self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        words: &[&str],
    ) -> Option<At<T>> {
        let Some(text) = self.value.get_ref().as_str() else {
            return self.is_not("a text in quotes");
        };
        match parse(text) {
            Ok(value) => Some(At {
                value,
                place: self.place(),
            }),
            Err(error) => {
                let finding = Finding::new(self.place(), error);
                self.document.add(finding.or_rather(nearest(text, words)));
                None
            }
        }
    }

    /// Parses a number, or a text: a size is written `4096` or `"4KiB"`.
    pub(crate) fn number<T, E: Display>(
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

    /// Returns a value that is true or false.
    pub(crate) fn flag(self) -> Option<bool> {
        match self.value.get_ref().as_bool() {
            Some(flag) => Some(flag),
            None => self.is_not("true or false"),
        }
    }

    /// Returns the table that the value is.
    pub(crate) fn table(self) -> Option<Table<'d, 't>> {
        if !matches!(self.value.get_ref(), DeValue::Table(_)) {
            return self.is_not("a table");
        }
        let span = self.value.span();
        match self.value.into_inner() {
            DeValue::Table(table) => Some(Table::new(self.document, span, table)),
            _ => None,
        }
    }

    /// Whether the value is a table.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Table(_))
    }

    /// Returns the tables of a list; `header` is how the file begins each.
    pub(crate) fn tables(self, header: &str) -> Option<Vec<Table<'d, 't>>> {
        if !self.value.get_ref().is_array() {
            return self.is_not(&format!("{header}, which may be repeated"));
        }
        Some(self.items().into_iter().filter_map(Self::table).collect())
    }

    /// Returns the items of a list, or the one value in its place.
    pub(crate) fn items(self) -> Vec<Self> {
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

    /// The place of the value.
    pub(crate) fn place(&self) -> Place {
        self.document.place(&self.value.span())
    }

    /// Returns the value, unless it is a list without items, which is reported.
    pub(crate) fn not_empty(self, message: &str) -> Option<Self> {
        match self.length() {
            Some(0) => self.fails(message),
            _ => Some(self),
        }
    }

    /// Returns the value, unless it is a longer list, which is reported.
    pub(crate) fn at_most(self, most: usize, what: &str) -> Option<Self> {
        match self.length() {
            Some(length) if length > most => {
                self.fails(format_args!("expected at most {most} {what}"))
            }
            _ => Some(self),
        }
    }

    fn length(&self) -> Option<usize> {
        self.value.get_ref().as_array().map(|list| list.len())
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

/// The least likeness of a suggested word; a less similar one would not help.
const ALIKE: f64 = 0.75;

/// Returns the word that is most like the given one.
pub(crate) fn nearest<'w>(given: &str, words: &[&'w str]) -> Option<&'w str> {
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
        let text = "a = 1\n\"é\" = 2\n\"ü\" = { lisen = 3, old = 4 }";
        let mut findings = Vec::new();
        Document::read(text, &mut findings, |mut root| {
            root.take("a");
            let mut table = root.take("\u{fc}")?.table()?;
            root.close(&[]);
            table.take("listen");
            table.close(&[("old", "`listen`")]);
            Some(())
        });
        let mut places: Vec<_> = findings.iter().map(ToString::to_string).collect();
        places.sort();
        let unknown = [
            "2:1: this key is unknown; `cartgate check --schema` lists every key",
            "3:20: this key was renamed to `listen`",
            "3:9: this key is unknown; did you mean `listen`?",
        ];
        assert_eq!(places, unknown);
    }
}
