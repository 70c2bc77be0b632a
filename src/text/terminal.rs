//! Makes text from outside safe for a terminal. The output of every command passes through this
//! module.

use std::{borrow::Cow, fmt::Write as _};

/// Returns whether a character can control a terminal or make text look like other text: controls
/// (C0, DEL, C1), bidirectional and other invisible format characters, and the line ends of
/// Unicode.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180b}'..='\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Formats one line of foreign text: at most 400 characters, with the unsafe ones escaped.
pub(crate) fn printable(bytes: &[u8]) -> String {
    const LONGEST_LINE: usize = 400;
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::new();
    for character in text.trim_end().chars().take(LONGEST_LINE) {
        push(&mut shown, character);
    }
    shown
}

/// Escapes the unsafe characters of a command's output, except line ends, tabs and colours.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = colour(rest).unwrap_or_else(|| character.len_utf8());
        let (taken, later) = rest.split_at(length);
        if length > character.len_utf8() || matches!(character, '\n' | '\t') {
            shown.push_str(taken);
        } else {
            push(&mut shown, character);
        }
        rest = later;
    }
    Cow::Owned(shown)
}

/// Converts bytes to text and escapes the unsafe characters, except line ends and tabs.
pub(crate) fn visible_bytes(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for character in String::from_utf8_lossy(bytes).chars() {
        if matches!(character, '\n' | '\t') {
            shown.push(character);
        } else {
            push(&mut shown, character);
        }
    }
    shown
}

/// Escapes the unsafe characters in the strings of a JSON text. Its value stays the same.
pub(crate) fn visible_json(text: &str) -> Cow<'_, str> {
    let foreign = |character: char| is_unsafe(character) && character != '\n';
    if !text.contains(foreign) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if foreign(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(shown, "\\u{unit:04x}").expect("writing to a String cannot fail");
            }
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn push(shown: &mut String, character: char) {
    if is_unsafe(character) {
        write!(shown, "{}", character.escape_default()).expect("writing to a String cannot fail");
    } else {
        shown.push(character);
    }
}

/// Returns the length of the colour sequence (SGR) at the beginning of a text.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|character: char| !matches!(character, '0'..='9' | ';'))?;
    parameters[end..]
        .starts_with('m')
        .then_some("\x1b[".len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "a\x1b]0;evil\x07\u{9b}2J\u{202e}b\u{200b}c\u{feff}\u{2066}d\u{7f}\u{e0041}";

    #[test]
    fn foreign_text_cannot_command_the_terminal() {
        for shown in [
            printable(EVIL.as_bytes()),
            visible(EVIL).into_owned(),
            visible_bytes(EVIL.as_bytes()),
        ] {
            assert!(!shown.contains(is_unsafe), "{shown:?}");
            assert!(
                shown.contains("evil") && shown.contains("u{202e}"),
                "{shown}"
            );
        }
        assert!(printable(&[b'x'; 5000]).len() < 500);
        assert_eq!(printable("größe ✓ 日本".as_bytes()), "größe ✓ 日本");
    }

    #[test]
    fn colours_and_lines_of_a_command_stay() {
        let own = "\x1b[1;31mred\x1b[0m\tand\nplain";
        assert_eq!(visible(own), own);
        assert_eq!(visible("\x1b[2J"), "\\u{1b}[2J");
        assert_eq!(visible("\x1b["), "\\u{1b}[");
        assert_eq!(visible("\x1b"), "\\u{1b}");
    }

    #[test]
    fn escaped_json_is_the_same_value() {
        let json = serde_json::to_string(&[EVIL]).expect("JSON");
        let shown = visible_json(&json);
        assert!(!shown.contains(is_unsafe), "{shown}");
        let read: Vec<String> = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(read, [EVIL]);
    }
}
