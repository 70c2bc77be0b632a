//! The unique value of an event: reads it from the body, and recognizes placeholders.
//!
//! People edit payloads, so the place of the id may hold unfilled template text, a word such as
//! `null`, or zero. Such a value is the same in every event. If it counted as an id, every event
//! after the first would be dropped.

use tower_cartgate::Pointer;

/// The identity that a body gives its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The body has no text and no whole number at the pointer.
    None,
    /// The value is the same in every event.
    Placeholder,
    /// The value, with its type.
    Value(String),
}

/// Words that programs write where a value is missing, in lower case.
const NOTHING: [&str; 16] = [
    "null",
    "undefined",
    "none",
    "nil",
    "nan",
    "na",
    "void",
    "empty",
    "missing",
    "unknown",
    "unset",
    "object",
    "string",
    "true",
    "false",
    "infinity",
];

/// The beginnings of unfilled template text.
const TEMPLATE: [&str; 6] = ["{{", "{%", "${", "#{", "<%", "*|"];

/// The brackets around an unfilled name.
const BRACKETS: [(char, char); 5] = [('{', '}'), ('<', '>'), ('[', ']'), ('%', '%'), ('(', ')')];

impl Identity {
    /// Reads the text or the whole number at the pointer. A text never equals a number. A fraction
    /// is no identity: readers round it, so two events could look like one.
    pub(crate) fn read(pointer: &Pointer, body: &[u8]) -> Self {
        if let Some(identity) = pointer.text(body, Self::of_text) {
            return identity;
        }
        pointer.integer(body).map_or(Self::None, Self::of_integer)
    }

    /// Returns the value, if it identifies the event.
    pub(crate) fn value(&self) -> Option<&str> {
        match self {
            Self::Value(value) => Some(value),
            Self::None | Self::Placeholder => None,
        }
    }

    /// Returns the identity that a text gives its event.
    pub(crate) fn of_text(text: &str) -> Self {
        if is_placeholder(text) {
            Self::Placeholder
        } else {
            Self::Value(format!("text {text}"))
        }
    }

    /// Returns the identity that a whole number gives its event.
    pub(crate) fn of_integer(number: i128) -> Self {
        match number {
            ..=0 => Self::Placeholder,
            number => Self::Value(format!("number {number}")),
        }
    }
}

fn is_placeholder(text: &str) -> bool {
    TEMPLATE.iter().any(|mark| text.contains(mark))
        || is_bracketed_name(text.trim())
        || text.trim().eq_ignore_ascii_case("n/a")
        || words(text).all(|word| is_nothing(&word))
}

/// Returns the runs of letters and digits. Blanks, punctuation and invisible characters separate
/// them; a blank text has none.
fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn is_nothing(word: &str) -> bool {
    word.chars().all(|character| character == '0') || NOTHING.contains(&word)
}

/// Returns whether the text is a name in brackets. Some senders put real ids in brackets, such as
/// GUIDs; these have digits.
fn is_bracketed_name(text: &str) -> bool {
    let has_digits = || text.contains(|character: char| character.is_numeric());
    let is_around = |(open, close): &(char, char)| {
        text.len() > 1 && text.starts_with(*open) && text.ends_with(*close)
    };
    BRACKETS.iter().any(is_around) && !has_digits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Identity {
        let pointer = "/id".parse().expect("a pointer");
        Identity::read(&pointer, body.as_bytes())
    }

    fn of(text: &str) -> Identity {
        read(&serde_json::json!({ "id": text }).to_string())
    }

    #[test]
    fn placeholders_identify_nothing() {
        for text in [
            "",
            " ",
            "\t\n",
            "\u{a0}",
            "\u{200b}",
            "\u{feff}",
            "-",
            "--",
            "\u{2014}",
            "?",
            "...",
            "#",
            "0",
            "000",
            "0.0",
            "-0",
            "0000-00-00",
            "00000000-0000-0000-0000-000000000000",
            "null",
            "NULL",
            " null ",
            "(null)",
            "<null>",
            "undefined",
            "None",
            "nil",
            "NaN",
            "n/a",
            "N/A",
            "void",
            "unknown",
            "[object Object]",
            "null-null",
            "undefined_undefined",
        ] {
            assert_eq!(of(text), Identity::Placeholder, "{text:?}");
        }
        for text in [
            "{{ order.id }}",
            "{{order.id}}",
            "ORD-{{ id }}",
            "{% order.id %}",
            "${order.id}",
            "#{id}",
            "<%= id %>",
            "*|ORDER|*",
            "{order.id}",
            "[order_id]",
            "%order_id%",
            "<id>",
        ] {
            assert_eq!(of(text), Identity::Placeholder, "{text:?}");
        }
        for body in [r#"{"id":0}"#, r#"{"id":-0}"#, r#"{"id":-1}"#] {
            assert_eq!(read(body), Identity::Placeholder, "{body}");
        }
    }

    #[test]
    fn ids_identify_an_event_whatever_they_look_like() {
        for text in [
            "1",
            "A",
            "1001",
            "#1001",
            "ORD-0001",
            "cf_9",
            "nullable-7",
            "none-of-9",
            "10",
            "0x1f",
            " 7 ",
            "a0",
            "é7",
            "注文7",
            "{3F2504E0-4F89-41D3-9A0C-0305E82C3301}",
            "<order-7@shop.example>",
            "test",
        ] {
            assert_eq!(of(text), Identity::Value(format!("text {text}")));
        }
        assert_eq!(
            read(r#"{"id":1001}"#),
            Identity::Value("number 1001".to_owned())
        );
        assert_eq!(of("1001"), Identity::Value("text 1001".to_owned()));
    }

    #[test]
    fn a_body_without_a_text_or_a_whole_number_there_has_no_identity() {
        for body in [
            "{}",
            r#"{"id":null}"#,
            r#"{"id":true}"#,
            r#"{"id":1.5}"#,
            r#"{"id":1e3}"#,
            r#"{"id":{}}"#,
            "no JSON",
            r#"{"id":"7","id":"8"}"#,
        ] {
            assert_eq!(read(body), Identity::None, "{body}");
        }
    }
}
