//! Compares lines of all kinds with those of `tracing-subscriber`.

use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::{Dispatch, level_filters::LevelFilter};

use crate::{
    telemetry::log::{
        dispatch::dispatch,
        line_queue::{LineQueue, QueueWriter},
        options::{Format, Output},
        target::TARGET,
    },
    text::terminal::is_unsafe,
};

/// Holds all that a value may not hold without quotes or escapes.
const ODD: &str =
    "a \"b\" \\ c=d\n\r\t\0\u{1b}[31m\u{7f}\u{9b} \u{202e}\u{feff}\u{fc}\u{1f980}\u{e0041}\"";

/// Writes lines as the gate does: about requests, and others.
fn log_each_kind() {
    tracing::info!(
        target: TARGET,
        verdict = "verified",
        secret = %"new",
        endpoint = Some(ODD),
        status = Some(200_u16),
        bytes = 1507_u64,
        offset = -1_i64,
        ms = 1.935,
        stored = true,
        missing = None::<u64>,
        path = %ODD,
        method = ?"POST",
        empty = "",
    );
    tracing::warn!(target: TARGET, verdict = "rejected", declared = u64::MAX);
    tracing::error!(target: TARGET, verdict = "verified", cause = ODD, ms = 0.0);
    tracing::warn!(target: TARGET, requests = 1, "a message \u{1b}[31m");
    tracing::info!(path = ODD, listening = true, "elsewhere");
    tracing::error!(error = %ODD, query = "a=b", "back\\slash");
}

const LINES: usize = 6;

#[test]
fn a_line_of_json_looks_as_if_tracing_subscriber_had_written_it() {
    let (own, reference) = (own(Format::Json, Output::default()), reference());
    assert_eq!(own.lines().count(), LINES, "{own}");
    assert_eq!(own, reference);
}

#[test]
fn a_line_of_text_is_logfmt_with_the_fields_of_the_json() {
    let (text, json) = (own(Format::Text, Output::default()), reference());
    assert_eq!(text.lines().count(), LINES, "{text}");
    for (line, object) in text.lines().zip(json.lines()) {
        assert!(line.starts_with("timestamp=0000-00-00T00:00:00.000000Z level="));
        let object: Map<String, Value> = serde_json::from_str(object).expect("an object");
        let pairs = pairs(line);
        assert_eq!(pairs.len(), object.len(), "{line}");
        for (key, value) in pairs {
            let expected = match &object[&key] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(value, expected, "{key} of {line}");
        }
    }
    assert!(text.lines().all(|line| !line.contains(is_unsafe)));
}

#[test]
fn only_a_value_that_needs_quotes_has_them() {
    let text = own(Format::Text, Output::default());
    for part in [
        " verdict=verified ",
        " secret=new ",
        " path=\"a \\\"b",
        " status=200 ",
        " method=\"\\\"POST\\\"\" ",
        " empty=\"\"\n",
        " query=\"a=b\"",
        " message=elsewhere ",
        " message=back\\slash ",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_terminal_has_its_colours() {
    let output = Output {
        colours: true,
        ..Output::default()
    };
    let coloured = own(Format::Text, output);
    assert!(
        coloured.contains(" level=\u{1b}[31mERROR\u{1b}[0m "),
        "{coloured}"
    );
}

#[test]
fn journald_gets_the_priority_of_each_line() {
    let output = Output {
        journal: true,
        ..Output::default()
    };
    for format in [Format::Text, Format::Json] {
        let plain = own(format, Output::default());
        let marked = own(format, output);
        for (line, marked) in plain.lines().zip(marked.lines()) {
            let priority = match line {
                _ if line.contains("ERROR") => "<3>",
                _ if line.contains("WARN") => "<4>",
                _ => "<6>",
            };
            assert_eq!(marked, format!("{priority}{line}"));
        }
    }
}

/// Parses a line by the grammar of logfmt: pairs with one space between them, and values that are
/// either bare or a JSON string.
fn pairs(line: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = line;
    loop {
        let (key, after) = rest.split_once('=').expect("a key");
        let is_key = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
        assert!(!key.is_empty() && key.bytes().all(is_key), "{line}");
        let length = if after.starts_with('"') {
            quoted_length(after)
        } else {
            after.find(' ').unwrap_or(after.len())
        };
        let (text, left) = after.split_at(length);
        pairs.push((key.to_owned(), value(text)));
        match left.strip_prefix(' ') {
            Some(left) => rest = left,
            None => {
                assert_eq!(left, "", "{line}");
                return pairs;
            }
        }
    }
}

/// Returns the length of a quoted value, with its quotes.
fn quoted_length(text: &str) -> usize {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.next().expect("a value").expect("a JSON string");
    values.byte_offset()
}

fn value(text: &str) -> String {
    if text.starts_with('"') {
        return serde_json::from_str(text).expect("a JSON string");
    }
    let is_bare = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'=';
    assert!(!text.is_empty() && text.bytes().all(is_bare), "{text}");
    text.to_owned()
}

fn own(format: Format, output: Output) -> String {
    logged(|queue| dispatch(format, queue, output, LevelFilter::INFO))
}

fn reference() -> String {
    logged(|queue| {
        let writer = QueueWriter(Arc::clone(queue));
        let builder = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(writer);
        builder.json().flatten_event(true).into()
    })
}

/// Returns the lines that such a log writes, with 0 for each digit of their times.
fn logged(log: impl FnOnce(&Arc<LineQueue>) -> Dispatch) -> String {
    let queue = Arc::default();
    tracing::dispatcher::with_default(&log(&queue), log_each_kind);
    let mut text = String::new();
    queue.take(&mut text);
    let timeless = |line: &str| {
        let (priority, line) = line.split_at(if line.starts_with('<') { 3 } else { 0 });
        let (time, rest) = line.split_at(line.find('Z').expect("a time"));
        let time = time.replace(|character: char| character.is_ascii_digit(), "0");
        format!("{priority}{time}{rest}\n")
    };
    text.lines().map(timeless).collect()
}
