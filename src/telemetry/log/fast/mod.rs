//! Formats log lines. Text lines are logfmt, with the same names as in JSON. The JSON line of a request looks as
//! `tracing-subscriber` would write it, byte for byte, but takes less than half the time, which a busy gate spends on each
//! request; all other JSON lines are left to it. For journald each line begins with its priority.

use std::{
    cell::RefCell,
    fmt::{self, Debug, Write},
    time::SystemTime,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::{Format, TARGET};

/// Writes text lines and the lines of requests itself, and leaves the others to `rest`.
pub(crate) struct Fast<F> {
    pub(crate) format: Format,
    /// Whether journald reads the lines.
    pub(crate) journal: bool,
    pub(crate) rest: F,
}

impl<F, S, N> FormatEvent<S, N> for Fast<F>
where
    F: FormatEvent<S, N>,
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        if self.journal {
            writer.write_str(priority(about.level()))?;
        }
        let has_message = about.fields().field("message").is_some();
        match self.format {
            Format::Text => text(&mut writer, event),
            Format::Json if about.target() == TARGET && !has_message => {
                json(&mut writer, about.level(), event)
            }
            Format::Json => self.rest.format_event(context, writer, event),
        }
    }
}

/// The priority of a line as journald reads it (`sd-daemon(3)`).
fn priority(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}

fn text(writer: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let about = event.metadata();
    writer.write_str("timestamp=")?;
    write_time(writer)?;
    writer.write_str(" level=")?;
    write_level(writer, about.level())?;
    writer.write_str(" target=")?;
    writer.write_str(about.target())?;
    let mut fields = Text(Fields::of(writer));
    event.record(&mut fields);
    fields.0.written?;
    writer.write_char('\n')
}

/// The level, in its colour on a terminal.
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

fn json(writer: &mut Writer<'_>, level: &Level, event: &Event<'_>) -> fmt::Result {
    writer.write_str(r#"{"timestamp":""#)?;
    write_time(writer)?;
    write!(writer, r#"","level":"{level}""#)?;
    let mut fields = Json(Fields::of(writer));
    event.record(&mut fields);
    fields.0.written?;
    writer.write_str(r#","target":""#)?;
    writer.write_str(TARGET)?;
    writer.write_str("\"}\n")
}

fn write_time(writer: &mut Writer<'_>) -> fmt::Result {
    // A clock that was never set must not end the process.
    let now = SystemTime::now().max(SystemTime::UNIX_EPOCH);
    write!(writer, "{}", humantime::format_rfc3339_micros(now))
}

/// Where fields go, and whether they all went there.
struct Fields<'a, 'w> {
    writer: &'a mut Writer<'w>,
    written: fmt::Result,
}

impl<'a, 'w> Fields<'a, 'w> {
    fn of(writer: &'a mut Writer<'w>) -> Self {
        Self {
            writer,
            written: Ok(()),
        }
    }

    fn put(&mut self, write: impl FnOnce(&mut Writer<'w>) -> fmt::Result) {
        self.written = self.written.and_then(|()| write(self.writer));
    }
}

/// ` name=value`, in quotes where the value needs them.
struct Text<'a, 'w>(Fields<'a, 'w>);

thread_local! {
    /// Holds a value while it is checked for what must be quoted.
    static VALUE: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Text<'_, '_> {
    fn put_bare(&mut self, field: &Field, value: impl Debug) {
        self.0.put(|writer| {
            write_key(writer, field)?;
            write!(writer, "{value:?}")
        });
    }
}

impl Visit for Text<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put_bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_bare(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_bare(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.put(|writer| {
            write_key(writer, field)?;
            write_value(writer, value)
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        VALUE.with_borrow_mut(|text| {
            text.clear();
            self.0.put(|writer| {
                write!(text, "{value:?}")?;
                write_key(writer, field)?;
                write_value(writer, text)
            });
        });
    }
}

fn write_key(writer: &mut Writer<'_>, field: &Field) -> fmt::Result {
    writer.write_char(' ')?;
    writer.write_str(field.name())?;
    writer.write_char('=')
}

/// A value of logfmt. Nothing in it can end a line or steer a terminal.
fn write_value(writer: &mut Writer<'_>, value: &str) -> fmt::Result {
    let is_bare = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'=';
    if !value.is_empty() && value.bytes().all(is_bare) {
        return writer.write_str(value);
    }
    writer.write_char('"')?;
    for character in value.chars() {
        match character {
            '\'' => writer.write_char(character)?,
            _ => write!(writer, "{}", character.escape_debug())?,
        }
    }
    writer.write_char('"')
}

/// `,"name":value`, where a name is a Rust identifier, which needs no escaping.
struct Json<'a, 'w>(Fields<'a, 'w>);

impl Json<'_, '_> {
    fn put_bare(&mut self, field: &Field, value: impl Debug) {
        self.0.put(|writer| {
            write_name(writer, field)?;
            write!(writer, "{value:?}")
        });
    }

    fn put_quoted(
        &mut self,
        field: &Field,
        write: impl FnOnce(&mut Escaped<'_, '_>) -> fmt::Result,
    ) {
        self.0.put(|writer| {
            write_name(writer, field)?;
            writer.write_char('"')?;
            write(&mut Escaped(writer))?;
            writer.write_char('"')
        });
    }
}

impl Visit for Json<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put_bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_bare(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_bare(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_quoted(field, |inside| inside.write_str(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_quoted(field, |inside| write!(inside, "{value:?}"));
    }
}

fn write_name(writer: &mut Writer<'_>, field: &Field) -> fmt::Result {
    writer.write_str(",\"")?;
    writer.write_str(field.name())?;
    writer.write_str("\":")
}

/// The inside of a JSON string.
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        if text.bytes().all(is_plain) {
            return self.0.write_str(text);
        }
        let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
        self.0.write_str(&quoted[1..quoted.len() - 1])
    }
}

#[cfg(test)]
mod tests;
