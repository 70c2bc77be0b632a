//! Lines of all kinds, held against those of `tracing-subscriber`.

use std::{fs::File, io::Read as _, io::Seek as _, net::IpAddr, sync::Arc, time::Duration};

use http::Method;
use tower_cartgate::{HeaderForm, SecretName};
use tracing::{Dispatch, level_filters::LevelFilter};
use uuid::Uuid;

use super::*;
use crate::{
    listener::Peer,
    log::{Line, Path, Throttle, Verdict, dispatch},
};

const ODD: &str = "a \"b\" \\ c\n\u{1b}[31m\u{7f}\u{9b} \u{fc}\u{1f980}\"";

#[test]
fn a_line_looks_as_if_tracing_subscriber_had_written_it() {
    for format in [Format::Text, Format::Json] {
        let (own, reference) = (ours(format), theirs(format));
        assert_eq!(own.lines().count(), 9, "{own}");
        assert_eq!(own, reference);
    }
}

#[test]
fn a_terminal_has_its_colours() {
    let coloured = logged(|file| dispatch(Format::Text, file, true, LevelFilter::INFO));
    assert!(coloured.contains("\u{1b}[3mverdict\u{1b}[0m"), "{coloured}");
}

fn ours(format: Format) -> String {
    logged(|file| dispatch(format, file, false, LevelFilter::INFO))
}

fn theirs(format: Format) -> String {
    logged(|file| {
        let builder = tracing_subscriber::fmt().with_ansi(false).with_writer(file);
        match format {
            Format::Text => builder.into(),
            Format::Json => builder.json().flatten_event(true).into(),
        }
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
        let (time, rest) = line.split_at(line.find('Z').expect("a time"));
        time.replace(|character: char| character.is_ascii_digit(), "0") + rest + "\n"
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
            copy: 3,
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
