//! The JSON of the line of a request. It equals that of `tracing-subscriber` byte for byte.

use std::fmt::{Debug, Write as _};

use tracing::Event;

use super::fields::{FieldFormat, write_fields, write_time};

/// Writes an event as one line.
pub(in super::super) fn write(line: &mut String, event: &Event<'_>) {
    let metadata = event.metadata();
    line.push_str(r#"{"timestamp":""#);
    write_time(line);
    line.push_str(r#"","level":""#);
    line.push_str(metadata.level().as_str());
    line.push('"');
    write_fields::<Json>(line, event);
    line.push_str(r#","target":""#);
    line.push_str(metadata.target());
    line.push_str("\"}\n");
}

/// Writes each field as `,"name":value`. A name is a Rust identifier, which needs no escapes.
struct Json;

impl FieldFormat for Json {
    fn write_name(line: &mut String, name: &str) {
        line.push_str(",\"");
        line.push_str(name);
        line.push_str("\":");
    }

    fn write_str(line: &mut String, value: &str) {
        line.push('"');
        if is_plain(value) {
            line.push_str(value);
        } else {
            push_escaped(line, value);
        }
        line.push('"');
    }

    fn write_debug(line: &mut String, value: &dyn Debug) {
        line.push('"');
        let begin = line.len();
        let _ = write!(line, "{value:?}");
        if !is_plain(&line[begin..]) {
            let value = line.split_off(begin);
            push_escaped(line, &value);
        }
        line.push('"');
    }
}

/// Returns whether a JSON string holds the text as it is.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    // Without an early exit, several bytes are compared at once.
    text.bytes().fold(true, |all, byte| all & is_plain(byte))
}

fn push_escaped(line: &mut String, text: &str) {
    if let Ok(quoted) = serde_json::to_string(text) {
        line.push_str(&quoted[1..quoted.len() - 1]);
    }
}
