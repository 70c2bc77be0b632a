//! Responses with faults in their headers. The app has accepted the delivery, so its status counts.

use crate::{
    program::Program,
    support::{App, BODY, Then, genuine},
};

/// Starts an app whose every response is these bytes, over connections that it keeps open.
fn app(response: impl Into<Vec<u8>>) -> App {
    let response = response.into();
    App::tcp(move |_, wire| {
        wire.write_all(&response)?;
        Ok(Then::Keep)
    })
}

/// Headers with a fault that leaves the framing clear, the name in the log, and whether the
/// connection stays.
#[rustfmt::skip]
const HARMLESS: [(&str, &str, bool); 11] = [
    ("X-Own : 1\r\nContent-Length: 5", "x-own", true),
    ("X-Own\t: 1\r\nContent-Length: 5", "x-own", true),
    ("X-Own: a\r\n\t b\r\nContent-Length: 5", "x-own", true),
    ("no colon\r\nContent-Length: 5", "", false),
    ("X Own: 1\r\nContent-Length: 5", "", false),
    ("X-Own: \0\r\nContent-Length: 5", "x-own", false),
    ("Content-Length : 5", "content-length", true),
    ("Content-Length: 5, 5", "", true),
    ("Content-Length: 5\r\nContent-Length: 5", "", true),
    ("Content-Length:\r\n 5", "content-length", true),
    ("Transfer-Encoding: identity\r\nContent-Length: 5", "transfer-encoding", false),
];

#[test]
fn a_response_with_a_harmless_fault_is_passed_on_whole() {
    for (lines, name, keeps) in HARMLESS {
        let app = app(format!(
            "HTTP/1.1 201 Made\r\nX-App: 1\r\n{lines}\r\n\r\ntaken"
        ));
        let gate = Program::serve(&app, &[]);
        let mut client = gate.client();
        for count in 1..=2 {
            let answer = client.ask(genuine(BODY));
            assert_eq!(
                (answer.status, &answer.body[..]),
                (201, &b"taken"[..]),
                "{lines:?}"
            );
            let connections = if keeps { 1 } else { count };
            assert_eq!(
                (app.count(), app.connections()),
                (count, connections),
                "{lines:?}"
            );
        }
        if !name.is_empty() {
            gate.line(&["malformed header", "WARN", name]);
        }
    }
}

#[test]
fn a_repaired_header_is_passed_on_as_rfc_9112_has_it() {
    let app = app(
        "HTTP/1.1 200 OK\r\nX-App : 1\r\nX-Folded: a,  \r\n \tb\r\n  c\r\nno colon\r\nX-Last: 1\r\n\
         Content-Length: 0\r\n\r\n",
    );
    let gate = Program::serve(&app, &[]);
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!(answer.header("x-app"), Some("1"));
    assert_eq!(answer.header("x-folded"), Some("a, b c"));
    assert_eq!(answer.header("x-last"), Some("1"));
}

#[test]
fn identity_without_a_length_lasts_to_the_end_of_the_connection() {
    let app = App::tcp(|_, wire| {
        wire.write_all(b"HTTP/1.1 200 OK\r\nX-App: 1\r\nTransfer-Encoding: identity\r\n\r\ntaken")?;
        Ok(Then::Close)
    });
    let gate = Program::serve(&app, &[]);
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!((answer.status, &answer.body[..]), (200, &b"taken"[..]));
}

#[test]
fn more_headers_than_clients_take_are_cut_short() {
    let many: String = (0..150).map(|n| format!("X-{n}: 1\r\n")).collect();
    let app = app(format!(
        "HTTP/1.1 200 OK\r\nX-App: 1\r\n{many}Content-Length: 5\r\n\r\ntaken"
    ));
    let gate = Program::serve(&app, &[]);
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!((answer.status, &answer.body[..]), (200, &b"taken"[..]));
    assert!(
        (90..=100).contains(&answer.headers.len()),
        "{}",
        answer.headers.len()
    );
}

#[test]
fn interim_responses_are_as_many_as_the_app_likes() {
    let interim = "HTTP/1.1 102 Processing\r\n\r\n".repeat(500);
    let app = app(interim + "HTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: 5\r\n\r\ntaken");
    let gate = Program::serve(&app, &[]);
    let answer = gate.client().ask(genuine(BODY));
    assert_eq!((answer.status, &answer.body[..]), (200, &b"taken"[..]));
}

#[test]
fn faults_in_trailers_do_not_break_a_body_off() {
    for trailers in ["x : 1\r\n", "no colon\r\n", "x: 1\r\n folded\r\n"] {
        let app = app(format!(
            "HTTP/1.1 200 OK\r\nX-App: 1\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\ntaken\r\n0\r\n{trailers}\r\n"
        ));
        let gate = Program::serve(&app, &[]);
        let answer = gate.client().ask(genuine(BODY));
        assert_eq!(
            (answer.status, &answer.body[..]),
            (200, &b"taken"[..]),
            "{trailers:?}"
        );
    }
}

/// Headers with which two parsers could see two bodies, and the name in the log.
#[rustfmt::skip]
const AMBIGUOUS: [(&str, &str); 9] = [
    ("Content-Length: 1\r\nContent-Length: 2", "content-length"),
    ("Content-Length: 1, 2", "content-length"),
    ("Content-Length: x", "content-length"),
    ("Content-Length: -1", "content-length"),
    ("Content-Length: 5\r\nTransfer-Encoding: chunked", "transfer-encoding"),
    ("Transfer-Encoding: gzip, chunked", "transfer-encoding"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "transfer-encoding"),
    ("Content-Length 5", ""),
    ("Transfer-Encoding: chunked\0", "transfer-encoding"),
];

/// A body that contains a second response, for a parser that looks for its end in the wrong place.
const PLANTED: &str =
    "3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nX-App: 1\r\nContent-Length: 7\r\n\r\nplanted";

#[test]
fn of_a_response_with_ambiguous_framing_only_the_status_counts() {
    for (status, code) in [("201 Made", 201), ("422 Odd", 422)] {
        for (lines, name) in AMBIGUOUS {
            let head = format!("HTTP/1.1 {status}\r\nX-App: 1\r\nContent-Encoding: gzip");
            let app = app(format!("{head}\r\n{lines}\r\n\r\n{PLANTED}"));
            let gate = Program::serve(&app, &[]);
            let mut client = gate.client();
            for count in 1..=2 {
                let answer = client.ask(genuine(BODY));
                assert_eq!(
                    (answer.status, &answer.body[..]),
                    (code, &b""[..]),
                    "{lines:?}"
                );
                assert_eq!(answer.header("content-length"), Some("0"), "{lines:?}");
                assert_eq!(answer.header("content-encoding"), None, "{lines:?}");
                assert_eq!(
                    (app.count(), app.connections()),
                    (count, count),
                    "{lines:?}"
                );
            }
            gate.line(&["ambiguous framing", "WARN", name]);
            let lines = gate.lines();
            assert!(
                lines.iter().all(|line| !line.contains("planted")),
                "{lines:#?}"
            );
        }
    }
}

#[test]
fn a_header_section_that_is_too_long_does_not_hide_the_status() {
    let long = "x".repeat(100_000);
    let app = app(format!(
        "HTTP/1.1 200 OK\r\nX-App: 1\r\nX-Long: {long}\r\n\r\n"
    ));
    let gate = Program::serve(&app, &[]);
    for count in 1..=2 {
        assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
        assert_eq!((app.count(), app.connections()), (count, count));
    }
}

#[test]
fn a_stored_event_is_delivered_once_whatever_is_wrong_with_a_header() {
    let harmless = HARMLESS.iter().map(|(lines, ..)| lines);
    for lines in harmless.chain(AMBIGUOUS.iter().map(|(lines, _)| lines)) {
        let app = app(format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\ntaken"));
        let args = ["--inbox", "sqlite:inbox.db", "--log-level", "debug"];
        let gate = Program::serve(&app, &args);
        for count in 1..=2 {
            assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
            app.wait_for(count);
        }
        gate.line(&["delivered", "status=200"]);
        let logged = gate.lines();
        let failed = |line: &String| line.contains("attempt failed") || line.contains("is down");
        assert!(!logged.iter().any(failed), "{lines:?}: {logged:#?}");
        assert_eq!(app.count(), 2, "{lines:?}");
    }
}

/// The log has room for other lines.
#[test]
fn a_fault_that_an_app_repeats_is_logged_once() {
    let app = app("HTTP/1.1 200 OK\r\nX-App : planted\r\nContent-Length: 0\r\n\r\n");
    let gate = Program::serve(&app, &[]);
    let mut client = gate.client();
    for _ in 0..20 {
        assert_eq!(client.ask(genuine(BODY)).status, 200);
    }
    gate.line(&["malformed header", "x-app", "whitespace before the colon"]);
    let lines = gate.lines();
    let about = lines
        .iter()
        .filter(|line| line.contains("malformed header"));
    assert_eq!(about.count(), 1, "{lines:#?}");
    assert!(
        lines.iter().all(|line| !line.contains("planted")),
        "{lines:#?}"
    );
}
