//! The text format: logfmt, which is `key=value` with quotes around a value that needs them.

use std::{
    cell::RefCell,
    fmt::{self, Debug, Write as _},
};

use tracing::{Event, Level};
use tracing_subscriber::fmt::format::Writer;

use super::fields::{FieldFormat, write_fields, write_time};
use crate::text::terminal::is_unsafe;

/// Writes an event as one line.
pub(super) fn write(writer: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    writer.write_str("timestamp=")?;
    write_time(writer)?;
    writer.write_str(" level=")?;
    write_level(writer, metadata.level())?;
    writer.write_str(" target=")?;
    writer.write_str(metadata.target())?;
    write_fields::<Logfmt>(writer, event)?;
    writer.write_char('\n')
}

/// Writes the level, in its colour on a terminal.
fn write_level(writer: &mut Writer<'_>, level: &Level) -> fmt::Result {
    if !writer.has_ansi_escapes() {
        return write!(writer, "{level}");
    }
    let colour = match *level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 34,
    };
    write!(writer, "\u{1b}[{colour}m{level}\u{1b}[0m")
}

/// Writes each field as ` key=value`.
struct Logfmt;

thread_local! {
    /// Holds a formatted value until it is known whether it needs quotes.
    static VALUE: RefCell<String> = const { RefCell::new(String::new()) };
}

impl FieldFormat for Logfmt {
    fn write_name(writer: &mut Writer<'_>, name: &str) -> fmt::Result {
        writer.write_char(' ')?;
        writer.write_str(name)?;
        writer.write_char('=')
    }

    fn write_str(writer: &mut Writer<'_>, value: &str) -> fmt::Result {
        write_value(writer, value)
    }

    fn write_debug(writer: &mut Writer<'_>, value: &dyn Debug) -> fmt::Result {
        VALUE.with_borrow_mut(|text| {
            text.clear();
            write!(text, "{value:?}")?;
            write_value(writer, text)
        })
    }
}

/// Writes a value, in quotes if it is empty or holds anything but visible ASCII without `"` and
/// `=`.
fn write_value(writer: &mut Writer<'_>, value: &str) -> fmt::Result {
    let is_bare = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'=';
    if !value.is_empty() && value.bytes().all(is_bare) {
        return writer.write_str(value);
    }
    write_quoted(writer, value)
}

/// Writes a value in quotes. Its escapes are those of JSON, the only ones that all readers of
/// logfmt know. Nothing in it can end the line or control a terminal.
fn write_quoted(writer: &mut Writer<'_>, value: &str) -> fmt::Result {
    let needs_escape = |character| matches!(character, '"' | '\\') || is_unsafe(character);
    writer.write_char('"')?;
    let mut rest = value;
    while let Some(at) = rest.find(needs_escape) {
        let (plain, tail) = rest.split_at(at);
        writer.write_str(plain)?;
        let mut characters = tail.chars();
        characters
            .next()
            .map_or(Ok(()), |character| write_escaped(writer, character))?;
        rest = characters.as_str();
    }
    writer.write_str(rest)?;
    writer.write_char('"')
}

fn write_escaped(writer: &mut Writer<'_>, character: char) -> fmt::Result {
    match character {
        '"' => writer.write_str("\\\""),
        '\\' => writer.write_str("\\\\"),
        '\n' => writer.write_str("\\n"),
        '\r' => writer.write_str("\\r"),
        '\t' => writer.write_str("\\t"),
        _ => character
            .encode_utf16(&mut [0; 2])
            .iter()
            .try_for_each(|unit| write!(writer, "\\u{unit:04x}")),
    }
}
