//! Signs of a mistake in copying or saving a secret, and the repair of each. No message shows a
//! secret.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

/// A sign of a mistake in a [`Secret`](crate::Secret). Its `Display` gives advice and never shows
/// the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// It begins with a UTF-8 byte order mark, which some editors add.
    Bom,
    /// It begins or ends with a quotation mark, straight or typographic.
    Quotes,
    /// It begins or ends with white space.
    SpacesAround,
    /// It has fewer than 16 bytes.
    Short,
    /// It is UTF-16, as some editors and shells save it.
    Utf16,
    /// It contains a no-break space, a zero-width space or another invisible character.
    Invisible,
    /// It ends in a backslash and an `n` or `r` instead of a line end.
    EscapedNewline,
    /// It has more than one line, such as a comment above the secret.
    Lines,
    /// It is a line of a configuration file: `NAME=secret`, `name: secret`, `- secret`, or `-n
    /// secret` from an `echo`.
    ConfigurationLine,
    /// It is JSON that contains the secret.
    Json,
}

use Weakness::{
    Bom, ConfigurationLine, EscapedNewline, Invisible, Json, Lines, Quotes, Short, SpacesAround,
    Utf16,
};

/// The length below which a secret can be guessed offline from one captured delivery.
const MIN_LEN: usize = 16;

/// The shortest value after `NAME=` that counts as a secret. A shorter one is probably Base64
/// padding.
const MIN_VALUE_LEN: usize = 8;

const BOM: &[u8] = b"\xEF\xBB\xBF";

const QUOTES: [char; 11] = ['"', '\'', '`', '“', '”', '„', '‟', '‘', '’', '«', '»'];

impl Weakness {
    pub(crate) fn of(text: &[u8]) -> Vec<Self> {
        let all = [
            Bom,
            Quotes,
            SpacesAround,
            Short,
            Utf16,
            Invisible,
            EscapedNewline,
            Lines,
            ConfigurationLine,
            Json,
        ];
        all.into_iter()
            .filter(|weakness| weakness.is_in(text))
            .collect()
    }

    fn is_in(self, text: &[u8]) -> bool {
        match self {
            Quotes => {
                let text = String::from_utf8_lossy(text);
                text.starts_with(QUOTES) || text.ends_with(QUOTES)
            }
            Short => text.len() < MIN_LEN,
            _ => self.repair(text).is_some(),
        }
    }

    /// Returns the text without this weakness, if it has it and can be repaired.
    pub(crate) fn repair(self, text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let repaired = match self {
            Bom => text.strip_prefix(BOM)?.to_vec(),
            Quotes => unquoted(std::str::from_utf8(text).ok()?.trim())?
                .as_bytes()
                .to_vec(),
            SpacesAround => text.trim_ascii().to_vec(),
            Short => return None,
            Utf16 => utf16(text)?.into_bytes(),
            Invisible => visible(text)?.into_bytes(),
            EscapedNewline => without_escaped_newline(text)?.to_vec(),
            Lines => sole_line(text)?.to_vec(),
            ConfigurationLine => configured(text)?.to_vec(),
            Json => longest_text(&serde_json::from_slice(text).ok()?)?.into_bytes(),
        };
        (!repaired.is_empty() && repaired != text).then(|| Zeroizing::new(repaired))
    }
}

fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix(QUOTES)?.strip_suffix(QUOTES)
}

/// Decodes UTF-16, detected by its byte order mark or by a NUL as every first byte (ASCII in
/// big-endian UTF-16). Little-endian text without a mark ends in NUL, which is no valid secret.
fn utf16(text: &[u8]) -> Option<String> {
    let units = || text.chunks_exact(2).map(|unit| [unit[0], unit[1]]);
    let zeros = units().len() >= 4 && units().all(|[high, low]| high == 0 && low != 0);
    let decode = match text {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        _ if zeros => u16::from_be_bytes,
        _ => return None,
    };
    let decoded = char::decode_utf16(units().map(decode));
    let text: String = decoded.collect::<Result<_, _>>().ok()?;
    let text = text
        .trim_start_matches('\u{feff}')
        .trim_end_matches(['\r', '\n']);
    Some(text.to_owned())
}

/// Removes invisible characters, if there are any. [`Bom`] covers the mark at the beginning.
fn visible(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text.strip_prefix(BOM).unwrap_or(text)).ok()?;
    let visible = |text: &str| text.replace(is_invisible, "").trim().to_owned();
    text.contains(is_invisible).then(|| visible(text))
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{a0}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{2000}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}'
            | '\u{3000}'
            | '\u{feff}'
    )
}

fn without_escaped_newline(text: &[u8]) -> Option<&[u8]> {
    let endings: [&[u8]; 3] = [br"\r\n", br"\n", br"\r"];
    endings.iter().find_map(|ending| text.strip_suffix(*ending))
}

/// Returns the first line that is no comment, if there are several lines.
fn sole_line(text: &[u8]) -> Option<&[u8]> {
    let lines = text.trim_ascii();
    if !lines.contains(&b'\n') {
        return None;
    }
    let mut lines = lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| !line.is_empty() && !line.starts_with(b"#"))
}

/// Returns the value of a line of a configuration file.
fn configured(text: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if text.contains('\n') {
        return None;
    }
    let listed = ["- ", "-n ", "-e "]
        .iter()
        .find_map(|dash| text.strip_prefix(dash));
    let value = named(listed.unwrap_or(text)).or(listed)?.trim();
    Some(unquoted(value).unwrap_or(value).as_bytes())
}

/// Returns the value of `NAME=value`, `export NAME=value` or `name: value`.
fn named(line: &str) -> Option<&str> {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    let line = line.strip_prefix("export ").unwrap_or(line);
    let equals = line.split_once('=');
    let parts = [equals, line.split_once(": ")];
    let value = parts
        .into_iter()
        .flatten()
        .find(|(name, _)| is_name(name.trim_end()));
    value
        .map(|(_, value)| value)
        .filter(|value| value.trim().len() >= MIN_VALUE_LEN)
}

/// Returns the longest string in an object or an array.
fn longest_text(value: &Value) -> Option<String> {
    let longest = |texts: &mut dyn Iterator<Item = &Value>| {
        let texts = texts.filter_map(|value| match value {
            Value::String(text) => Some(text.clone()),
            inner => longest_text(inner),
        });
        texts.max_by_key(String::len)
    };
    match value {
        Value::Array(items) => longest(&mut items.iter()),
        Value::Object(members) => longest(&mut members.values()),
        _ => None,
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bom => "the secret begins with a byte order mark; save it as UTF-8 without one",
            Quotes => "the secret begins or ends with a quotation mark; remove it unless it belongs to the secret",
            SpacesAround => "the secret begins or ends with white space; remove it unless it belongs to the secret",
            Short => "the secret has fewer than 16 bytes and can be guessed; create a longer one in the dashboard",
            Utf16 => "the secret is saved as UTF-16; save it as UTF-8 without a byte order mark",
            Invisible => "the secret contains an invisible character, such as a no-break or zero-width space; copy it again, or type its ends",
            EscapedNewline => "the secret ends in a backslash and a letter instead of a line end; remove both (printf '%s' writes none)",
            Lines => "the secret has more than one line; leave only the secret, without comments",
            ConfigurationLine => "the secret looks like a line of a configuration file (NAME=secret, name: secret, - secret); leave only the secret",
            Json => "the secret is JSON; leave only the secret itself",
        })
    }
}
