//! Tells the names of JSON keys and headers from values in their place: some payloads have objects
//! whose keys are ids or addresses. A profile never stores such a key.

use crate::text::terminal::is_unsafe;

/// The step of a pointer that stands for any element of an array, or any key of a map.
pub(super) const ANY: &str = "*";

/// The longest name in bytes.
const LONGEST: usize = 64;

/// The number of digits at which a key counts as a value: an id, a date, a telephone number.
const DIGITS: usize = 4;

/// The length from which a key of hexadecimal digits and hyphens counts as a value.
const LONG_HEX: usize = 16;

/// Returns whether a key looks like a value. Keys without a mark, such as first names, pass; the
/// shape shows them only once they are frequent.
pub(super) fn looks_like_value(key: &str) -> bool {
    key.len() > LONGEST
        || key == ANY
        || key.contains(|character: char| character == '@' || is_unsafe(character))
        || has_digits_of_a_value(key)
        || is_long_hex(key)
}

fn has_digits_of_a_value(key: &str) -> bool {
    let digits = key.chars().filter(|character| character.is_numeric());
    let digits = digits.count();
    digits >= DIGITS || (digits > 0 && digits == key.chars().count())
}

fn is_long_hex(key: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    key.len() >= LONG_HEX && key.bytes().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_values() {
        for name in [
            "",
            "id",
            "address_line_1",
            "addressLine2",
            "sha256",
            "First name",
            "Straße",
            "utm_source",
            "x-cartfunnel-hmac-sha256",
            "a/b~c",
            "line-items",
        ] {
            assert!(!looks_like_value(name), "{name}");
        }
        for value in [
            "erika@example.com",
            "1001",
            "0",
            "٣",
            "cus_2k9f81x7",
            "2026-11-28",
            "+49 170 1234",
            "f47ac10b-58cc-bcaf-facc-abcdefabcdef",
            "deadbeefdeadbeef",
            "*",
            "a\u{202e}b",
            "a\nb",
            &"x".repeat(65),
        ] {
            assert!(looks_like_value(value), "{value}");
        }
    }
}
