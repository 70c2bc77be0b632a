//! The facts that a profile learns about one string or number. The value itself is not kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::{DigestKey, DigestPurpose};
use crate::{inbox::unique::Identity, runtime::clock::Millis};

/// The facts of a string or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScalarFacts {
    /// The digest of a short string or an integer.
    pub(super) digest: Option<u64>,
    /// Whether the value can tell two events apart, by the rule of `unique`.
    pub(super) identifies: bool,
    pub(super) word: Word,
    pub(super) moment: Option<Moment>,
}

/// The likeness of a value to the name of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It is no short word.
    None,
    /// It is one short word, such as `paid`.
    Plain,
    /// It is a short word of several parts, such as `order.paid`.
    Compound,
}

/// A value that looks like a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) form: TimeForm,
    /// The time from it to the arrival of the delivery; negative if it is later.
    pub(super) age: Millis,
}

/// The form of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TimeForm {
    /// Text with a date, a time and an offset.
    Rfc3339,
    /// Seconds since 1970, as a number or as digits.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
}

/// The longest string whose digest is learned, in bytes.
const LONGEST_TEXT: usize = 256;

/// The longest name of an event in bytes.
const LONGEST_WORD: usize = 64;

/// The lengths of times by RFC 3339.
const RFC3339_LENGTHS: std::ops::RangeInclusive<usize> = 20..=40;

/// A number is no time if it is further away than this, about ten years.
const FARTHEST: Millis = 3_653 * 24 * 60 * 60 * 1_000;

impl TimeForm {
    /// Returns `rfc3339`, `seconds` or `milliseconds`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rfc3339 => "rfc3339",
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
        }
    }
}

impl ScalarFacts {
    /// Learns a string of a delivery that arrived at `now`.
    pub(super) fn of_text(text: &str, key: &DigestKey, now: Millis) -> Self {
        if text.len() > LONGEST_TEXT {
            return Self::nothing();
        }
        Self {
            digest: Some(key.digest(DigestPurpose::Value, text.as_bytes())),
            identifies: Identity::of_text(text).value().is_some(),
            word: word(text),
            moment: Moment::of_text(text, now),
        }
    }

    /// Learns an integer.
    pub(super) fn of_integer(number: i128, key: &DigestKey, now: Millis) -> Self {
        let identity = Identity::of_integer(number);
        Self {
            digest: Some(key.digest(DigestPurpose::Value, &number.to_be_bytes())),
            identifies: identity.value().is_some(),
            word: Word::None,
            moment: Moment::of_integer(number, now),
        }
    }

    /// Returns the facts of a fraction, or of a string that is too long to be learned.
    pub(super) fn nothing() -> Self {
        Self {
            digest: None,
            identifies: false,
            word: Word::None,
            moment: None,
        }
    }
}

fn word(text: &str) -> Word {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b' ');
    let is_joint = |byte: u8| matches!(byte, b'.' | b'_' | b'/' | b':');
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_word =
        text.len() <= LONGEST_WORD && text.bytes().all(|byte| is_part(byte) || is_joint(byte));
    match (begins && is_word, text.bytes().any(is_joint)) {
        (false, _) => Word::None,
        (true, false) => Word::Plain,
        (true, true) => Word::Compound,
    }
}

impl Moment {
    fn of_text(text: &str, now: Millis) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::of_integer(text.parse().ok()?, now);
        }
        let is_long_enough = RFC3339_LENGTHS.contains(&text.len());
        // The parser accepts more than RFC 3339, such as names of zones.
        let is_plain = |byte: u8| byte.is_ascii_digit() || b"-:+.TtZz ".contains(&byte);
        if !is_long_enough || !text.bytes().all(is_plain) {
            return None;
        }
        let time: Timestamp = text.parse().ok()?;
        Some(Self {
            form: TimeForm::Rfc3339,
            age: now.saturating_sub(time.as_millisecond()),
        })
    }

    fn of_integer(number: i128, now: Millis) -> Option<Self> {
        let number = Millis::try_from(number).ok()?;
        let seconds = (TimeForm::Seconds, number.checked_mul(1_000));
        let forms = [seconds, (TimeForm::Milliseconds, Some(number))];
        forms.into_iter().find_map(|(form, time)| {
            let age = now.saturating_sub(time?);
            (age.saturating_abs() <= FARTHEST).then_some(Self { form, age })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-28T12:00:00Z.
    const NOW: Millis = 1_795_867_200_000;

    fn text(text: &str) -> ScalarFacts {
        ScalarFacts::of_text(text, &DigestKey::new(&[7; 32]), NOW)
    }

    fn integer(number: i128) -> ScalarFacts {
        ScalarFacts::of_integer(number, &DigestKey::new(&[7; 32]), NOW)
    }

    fn form(scalar: ScalarFacts) -> Option<(TimeForm, Millis)> {
        scalar.moment.map(|moment| (moment.form, moment.age))
    }

    #[test]
    fn times_have_three_forms() {
        use TimeForm::{Milliseconds, Rfc3339, Seconds};
        for (scalar, found) in [
            (text("2026-11-28T11:59:00Z"), Some((Rfc3339, 60_000))),
            (text("2026-11-28T12:59:00.5+01:00"), Some((Rfc3339, 59_500))),
            (text("1795867140"), Some((Seconds, 60_000))),
            (integer(1_795_867_140), Some((Seconds, 60_000))),
            (integer(1_795_867_140_000), Some((Milliseconds, 60_000))),
            (integer(1_795_867_260), Some((Seconds, -60_000))),
            (text("2026-11-28"), None),
            (text("2026-11-28T12:00:00"), None),
            (text("2026-11-28T12:00:00+01:00[Europe/Berlin]"), None),
            (text("99999999999999999999999999999999999999999"), None),
            (text(""), None),
            (integer(1_001), None),
            (integer(0), None),
            (integer(i128::MIN), None),
            (integer(i128::from(i64::MAX)), None),
        ] {
            assert_eq!(form(scalar), found);
        }
    }

    #[test]
    fn names_of_events_are_short_words() {
        for (value, expected) in [
            ("paid", Word::Plain),
            ("Order Paid", Word::Plain),
            ("order.paid", Word::Compound),
            ("orders/create", Word::Compound),
            ("cart_left", Word::Compound),
            ("", Word::None),
            ("1001", Word::None),
            ("erika@example.com", Word::None),
            ("{{event}}", Word::None),
            (&"x".repeat(65), Word::None),
        ] {
            assert_eq!(text(value).word, expected, "{value}");
        }
    }

    #[test]
    fn placeholders_fractions_and_long_texts_identify_nothing() {
        for scalar in [
            text("null"),
            text("{{ order.id }}"),
            text(""),
            text(&"x".repeat(257)),
            integer(0),
            integer(-1),
            ScalarFacts::nothing(),
        ] {
            assert!(!scalar.identifies);
        }
        assert!(text("ORD-1").identifies && integer(1).identifies);
        assert_ne!(text("1").digest, integer(1).digest);
    }
}
