//! Lines of all kinds, held against those of `tracing-subscriber`.

use std::{fs::File, io::Read as _, io::Seek as _, net::IpAddr, sync::Arc, time::Duration};

use http::Method;
use serde_json::Value;
use tower_cartgate::{HeaderForm, SecretName};
use tracing::{Dispatch, level_filters::LevelFilter};
use uuid::Uuid;

use super::*;
use crate::{
    delivery::event::Stored,
    net::peer::Peer,
    proxy::access_log::line::{Line, Path, Verdict},
    telemetry::log::{Output, Throttle, dispatch},
};

const ODD: &str = "a \"b\" \\ c\n\u{1b}[31m\u{7f}\u{9b} \u{fc}\u{1f980}\"";

#[test]
fn a_line_of_json_looks_as_if_tracing_subscriber_had_written_it() {
    let (own, reference) = (ours(Format::Json, Output::default()), theirs());
    assert_eq!(own.lines().count(), 9, "{own}");
    assert_eq!(own, reference);
}

#[test]
fn a_line_of_text_is_logfmt_with_the_fields_of_the_json() {
    let (text, json) = (ours(Format::Text, Output::default()), theirs());
    assert_eq!(text.lines().count(), 9, "{text}");
    for (line, object) in text.lines().zip(json.lines()) {
        assert!(line.starts_with("timestamp=0000-00-00T00:00:00.000000Z level="));
        let object: serde_json::Map<String, Value> =
            serde_json::from_str(object).expect("an object");
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
    assert!(text.lines().all(|line| !line.chars().any(char::is_control)));
}

#[test]
fn only_a_value_that_needs_quotes_has_them() {
    let text = logged(|file| dispatch(Format::Text, file, Output::default(), LevelFilter::INFO));
    for part in [
        " verdict=verified ",
        " secret=new ",
        " path=\"a \\\"b",
        " status=200 ",
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
    let coloured = ours(Format::Text, output);
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
        let plain = ours(format, Output::default());
        let marked = ours(format, output);
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

/// The keys and values of a logfmt line.
fn pairs(line: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, left) = after.split_once(' ').unwrap_or((after, ""));
                (value.to_owned(), left)
            }
        };
        pairs.push((key.trim().to_owned(), value));
        rest = left;
    }
    assert_eq!(rest, "", "{line}");
    pairs
}

/// The text up to the closing quote, with its escapes resolved, and what follows.
fn unquoted(text: &str) -> (String, &str) {
    let (mut value, mut characters) = (String::new(), text.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, text[at + 1..].trim_start()),
            '\\' => match characters.next().expect("an escape").1 {
                'n' => value.push('\n'),
                'u' => {
                    let code = text[at + 3..].split_once('}').expect("a code").0;
                    let code = u32::from_str_radix(code, 16).expect("a number");
                    value.push(char::from_u32(code).expect("a character"));
                    for _ in 0..text[at + 2..].find('}').expect("an end") + 1 {
                        characters.next();
                    }
                }
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    panic!("no closing quote in {text}");
}

fn ours(format: Format, output: Output) -> String {
    logged(|file| dispatch(format, file, output, LevelFilter::INFO))
}

fn theirs() -> String {
    logged(|file| {
        let builder = tracing_subscriber::fmt().with_ansi(false).with_writer(file);
        builder.json().flatten_event(true).into()
    })
}

/// What such a log holds, with noughts for the digits of its times.
fn logged(log: impl FnOnce(Arc<File>) -> Dispatch) -> String {
    let mut file = tempfile::tempfile().expect("a file");
    let handle = file.try_clone().expect("another handle");
    tracing::dispatcher::with_default(&log(Arc::new(handle)), write_each);
    file.rewind().expect("rewound");
    let mut text = String::new();
    file.read_to_string(&mut text).expect("UTF-8");
    let timeless = |line: &str| {
        let (priority, line) = line.split_at(if line.starts_with('<') { 3 } else { 0 });
        let (time, rest) = line.split_at(line.find('Z').expect("a time"));
        let time = time.replace(|character: char| character.is_ascii_digit(), "0");
        format!("{priority}{time}{rest}\n")
    };
    text.lines().map(timeless).collect()
}

fn write_each() {
    let secret: &SecretName = &"new".parse().expect("a name");
    let verdicts = [
        Verdict::Taken { secret },
        Verdict::NotTaken {
            secret,
            reason: "destination-refused",
            cause: Some(ODD),
        },
        Verdict::Kept {
            secret,
            stored: Stored {
                copy: 3,
                ..Stored::default()
            },
            dead: None,
        },
        Verdict::Duplicate {
            secret,
            of: Uuid::nil(),
        },
        Verdict::Rejected { reason: "mismatch" },
    ];
    for verdict in verdicts {
        line(verdict).write(&Throttle::default());
    }
    let slow = Line {
        duration: Duration::from_micros(4_000_100),
        ..line(verdicts[0])
    };
    slow.write(&Throttle::default());
    Line {
        endpoint: None,
        status: None,
        form: None,
        peer: Peer::Unix,
        duration: Duration::ZERO,
        method: None,
        path: None,
        ..line(verdicts[4])
    }
    .write(&Throttle::default());
    tracing::warn!(target: TARGET, requests = 1, "left out \u{1b}[31m");
    tracing::info!(path = ODD, listening = true, "elsewhere");
}

fn line(verdict: Verdict<'_>) -> Line<'_> {
    Line {
        verdict,
        id: Uuid::max(),
        endpoint: Some(ODD),
        destination: None,
        status: Some(200),
        received: 1507,
        declared: Some(u64::MAX),
        form: Some((HeaderForm::Hex, 64)),
        duration: Duration::from_nanos(1_934_600),
        peer: Peer::Tcp((IpAddr::from([203, 0, 113, 9]), 1).into()),
        method: Some(&Method::POST),
        path: Some(Path(ODD)),
    }
}
