//! The JSON of the line of a request. It equals that of `tracing-subscriber` byte for byte.

use std::fmt::{self, Debug, Write};

use tracing::{
    Event,
    field::{Field, Visit},
};
use tracing_subscriber::fmt::format::Writer;

use super::fields::{FieldWriter, write_time};

/// Writes an event as one line.
pub(super) fn write(writer: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    writer.write_str(r#"{"timestamp":""#)?;
    write_time(writer)?;
    write!(writer, r#"","level":"{}""#, metadata.level())?;
    let mut fields = Json(FieldWriter::new(writer));
    event.record(&mut fields);
    fields.0.result?;
    writer.write_str(r#","target":""#)?;
    writer.write_str(metadata.target())?;
    writer.write_str("\"}\n")
}

/// Writes each field as `,"name":value`. A name is a Rust identifier, which needs no escapes.
struct Json<'a, 'w>(FieldWriter<'a, 'w>);

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
        self.put_quoted(field, |string| string.write_str(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_quoted(field, |string| write!(string, "{value:?}"));
    }
}

fn write_name(writer: &mut Writer<'_>, field: &Field) -> fmt::Result {
    writer.write_str(",\"")?;
    writer.write_str(field.name())?;
    writer.write_str("\":")
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
