//! The JSON of the line of a request. It equals that of `tracing-subscriber` byte for byte.

use std::fmt::{self, Debug, Write};

use tracing::Event;
use tracing_subscriber::fmt::format::Writer;

use super::fields::{FieldFormat, write_fields, write_time};

/// Writes an event as one line.
pub(super) fn write(writer: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    writer.write_str(r#"{"timestamp":""#)?;
    write_time(writer)?;
    write!(writer, r#"","level":"{}""#, metadata.level())?;
    write_fields::<Json>(writer, event)?;
    writer.write_str(r#","target":""#)?;
    writer.write_str(metadata.target())?;
    writer.write_str("\"}\n")
}

/// Writes each field as `,"name":value`. A name is a Rust identifier, which needs no escapes.
struct Json;

impl FieldFormat for Json {
    fn write_name(writer: &mut Writer<'_>, name: &str) -> fmt::Result {
        writer.write_str(",\"")?;
        writer.write_str(name)?;
        writer.write_str("\":")
    }

    fn write_str(writer: &mut Writer<'_>, value: &str) -> fmt::Result {
        writer.write_char('"')?;
        Escaped(writer).write_str(value)?;
        writer.write_char('"')
    }

    fn write_debug(writer: &mut Writer<'_>, value: &dyn Debug) -> fmt::Result {
        writer.write_char('"')?;
        write!(Escaped(writer), "{value:?}")?;
        writer.write_char('"')
    }
}

/// Escapes the text that is written into a JSON string.
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
