//! The text format: logfmt, which is `key=value` with quotes around a value that needs them.

use std::fmt::{Debug, Write as _};

use tracing::{Event, Level};

use super::fields::{FieldFormat, write_fields, write_time};
use crate::text::terminal::is_unsafe;

/// Writes an event as one line.
pub(in super::super) fn write(line: &mut String, event: &Event<'_>, colours: bool) {
    let metadata = event.metadata();
    line.push_str("timestamp=");
    write_time(line);
    line.push_str(" level=");
    write_level(line, metadata.level(), colours);
    line.push_str(" target=");
    line.push_str(metadata.target());
    write_fields::<Logfmt>(line, event);
    line.push('\n');
}

/// Writes the level, in its colour on a terminal.
fn write_level(line: &mut String, level: &Level, colours: bool) {
    if !colours {
        return line.push_str(level.as_str());
    }
    let colour = match *level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 34,
    };
    let _ = write!(line, "\u{1b}[{colour}m{level}\u{1b}[0m");
}

/// Writes each field as ` key=value`.
struct Logfmt;

impl FieldFormat for Logfmt {
    fn write_name(line: &mut String, name: &str) {
        line.push(' ');
        line.push_str(name);
        line.push('=');
    }

    fn write_str(line: &mut String, value: &str) {
        if is_bare(value) {
            line.push_str(value);
        } else {
            write_quoted(line, value);
        }
    }

    fn write_debug(line: &mut String, value: &dyn Debug) {
        let begin = line.len();
        let _ = write!(line, "{value:?}");
        if !is_bare(&line[begin..]) {
            let value = line.split_off(begin);
            write_quoted(line, &value);
        }
    }
}

/// Returns whether a value needs no quotes: it is not empty and holds only visible ASCII without
/// `"` and `=`.
fn is_bare(value: &str) -> bool {
    let is_bare = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'=';
    // Without an early exit, several bytes are compared at once.
    !value.is_empty() && value.bytes().fold(true, |all, byte| all & is_bare(byte))
}

/// Writes a value in quotes. Its escapes are those of JSON, the only ones that all readers of
/// logfmt know. Nothing in it can end the line or control a terminal.
fn write_quoted(line: &mut String, value: &str) {
    let needs_escape = |character| matches!(character, '"' | '\\') || is_unsafe(character);
    line.push('"');
    let mut rest = value;
    while let Some(at) = rest.find(needs_escape) {
        let (plain, tail) = rest.split_at(at);
        line.push_str(plain);
        let mut characters = tail.chars();
        if let Some(character) = characters.next() {
            write_escaped(line, character);
        }
        rest = characters.as_str();
    }
    line.push_str(rest);
    line.push('"');
}

fn write_escaped(line: &mut String, character: char) {
    match character {
        '"' => line.push_str("\\\""),
        '\\' => line.push_str("\\\\"),
        '\n' => line.push_str("\\n"),
        '\r' => line.push_str("\\r"),
        '\t' => line.push_str("\\t"),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(line, "\\u{unit:04x}");
            }
        }
    }
}
