//! The log line of each request, and the lines of the start.

use std::time::Instant;

use serde_json::Value;

use super::{asked, line_of};
use crate::{
    program::Program,
    support::{App, BODY, SECRET, Then, app::answer, forged, genuine, request, sign},
};

#[test]
fn each_request_has_one_line_that_says_what_became_of_it() {
    let app = App::content();
    let program = Program::serve(&app, &["--log-format", "json", "--name", "orders"]);
    let mut client = program.client();
    let (_, taken) = asked(&mut client, genuine(BODY));
    let (_, refused) = asked(&mut client, forged(BODY));
    let (_, other) = asked(&mut client, request("GET /a/b?c=d HTTP/1.1", "", b""));

    let line = line_of(&program, &taken);
    assert_eq!(
        (&line["level"], &line["target"]),
        (&"INFO".into(), &"cartgate::access".into())
    );
    for (field, value) in [
        ("verdict", Value::from("verified")),
        ("secret", "current".into()),
        ("endpoint", "orders".into()),
        ("status", 200.into()),
        ("bytes", 5.into()),
        ("method", "POST".into()),
        ("path", "/hooks".into()),
        ("peer", "127.0.0.1".into()),
    ] {
        assert_eq!(line[field], value, "{field} of {line}");
    }
    assert!(line["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");

    let line = line_of(&program, &refused);
    assert_eq!(line["level"], "WARN");
    for (field, value) in [
        ("verdict", Value::from("rejected")),
        ("reason", "mismatch".into()),
        ("endpoint", "orders".into()),
        ("status", 401.into()),
        ("bytes", 5.into()),
        ("declared", 5.into()),
        ("header_length", 44.into()),
    ] {
        assert_eq!(line[field], value, "{field} of {line}");
    }

    let line = line_of(&program, &other);
    assert_eq!(
        (&line["reason"], &line["path"]),
        (&"method".into(), &"/a/b".into())
    );
    for id in [taken, refused, other] {
        let lines = program.lines();
        assert_eq!(lines.iter().filter(|line| line.contains(&id)).count(), 1);
    }
    for line in program.lines() {
        serde_json::from_str::<Value>(&line).expect("each line is JSON");
    }
}

/// A verdict may end in the same poll of its connection in which its head arrived.
#[test]
fn the_line_of_a_verdict_has_its_duration() {
    let secret = std::str::from_utf8(SECRET).expect("text");
    let flags = "--listen 127.0.0.1:0 --verdict --path /hooks --log-format json";
    let flags: Vec<_> = flags.split(' ').collect();
    let program = Program::serve_by_variables(&flags, &[("CARTGATE_SECRET", secret)]);
    let (_, id) = asked(&mut program.client(), genuine(BODY));
    let line = line_of(&program, &id);
    assert!(line["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
}

#[test]
fn the_text_form_says_the_same() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    let (_, id) = asked(&mut program.client(), forged(BODY));
    let line = program.line(&[&id]);
    for part in [
        "WARN",
        "rejected",
        "mismatch",
        "status=401",
        "bytes=5",
        "path=/hooks",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(
        !line.contains('\x1b'),
        "no colours where nobody looks: {line}"
    );
}

#[test]
fn a_refusals_line_names_the_headers_form_and_never_its_value() {
    let app = App::content();
    let program = Program::serve(&app, &["--log-format", "json"]);
    let right = sign(BODY);
    let hex = "0123456789abcdef".repeat(4);
    let url_safe = format!("-_{}", &right[2..])
        .replace('+', "-")
        .replace('/', "_");
    let header = |value: &str| format!("X-Cartfunnel-Hmac-SHA256: {value}\r\n");
    for (lines, reason, form, length) in [
        (String::new(), "signature-missing", "absent", 0),
        (
            header(&right).repeat(2),
            "signature-repeated",
            "repeated",
            88,
        ),
        (header(&hex), "signature-malformed", "hex", 64),
        (
            header(right.trim_end_matches('=')),
            "signature-malformed",
            "unpadded",
            43,
        ),
        (header(&url_safe), "signature-malformed", "url-safe", 44),
        (header(""), "signature-malformed", "empty", 0),
    ] {
        let request = request("POST /hooks HTTP/1.1", &lines, BODY);
        let (status, id) = asked(&mut program.client(), request);
        let line = line_of(&program, &id);
        assert_eq!((status, &line["reason"]), (401, &Value::from(reason)));
        assert_eq!(
            (&line["header"], &line["header_length"]),
            (&form.into(), &length.into())
        );
    }
    let (_, id) = asked(&mut program.client(), forged(BODY));
    assert_eq!(line_of(&program, &id)["header"], "canonical");
    let all = program.lines().join("\n");
    assert!(!all.contains(&right[..41]) && !all.contains(&hex), "{all}");
}

#[test]
fn a_path_is_escaped_and_cut_and_its_query_left_out() {
    let app = App::content();
    let program = Program::serve(&app, &["--log-format", "json"]);
    let long = format!("/{}", "a".repeat(500));
    for (target, status, shown) in [
        ("/x?planted=query", 401, "/x".to_owned()),
        ("/it's", 401, "/it\\'s".to_owned()),
        (&*long, 401, format!("{}...", &long[..128])),
        // It has no target, but its rejection is logged nevertheless.
        ("/%1b[31m?", 400, "/%1b[31m".to_owned()),
        ("/\"quoted\"", 400, "/\\\"quoted\\\"".to_owned()),
        ("/\u{9b}31m", 400, "/\\xc2\\x9b31m".to_owned()),
    ] {
        let request = request(&format!("POST {target} HTTP/1.1"), "", BODY);
        let (answered, id) = asked(&mut program.client(), request);
        assert_eq!(answered, status, "{target}");
        assert_eq!(line_of(&program, &id)["path"], shown);
        assert!(program.line(&[&id]).is_ascii());
    }
    // Here, the parser gives up before there is a path.
    let raw = request("POST /\x1b[31mred HTTP/1.1", "", BODY);
    let (status, id) = asked(&mut program.client(), raw);
    assert_eq!(status, 400);
    let line = program.line(&[&id]);
    assert!(!line.contains('\x1b') && !line.contains("31mred"), "{line}");
    assert!(!program.lines().join("\n").contains("planted=query"));
}

#[test]
fn a_method_is_cut_too() {
    let app = App::content();
    let program = Program::serve(&app, &["--log-format", "json", "--path", "/hooks"]);
    let long = format!("{} /elsewhere HTTP/1.1", "M".repeat(10_000));
    let (status, id) = asked(&mut program.client(), request(&long, "", b""));
    assert_eq!(status, 404);
    let shown = format!("{}...", "M".repeat(32));
    assert_eq!(line_of(&program, &id)["method"], shown.as_str());
}

#[test]
fn what_never_became_a_request_has_a_line_too() {
    let app = App::content();
    let program = Program::serve(&app, &["--log-format", "json"]);
    for (words, reason) in [
        ("nonsense\r\n\r\n", "malformed"),
        ("POST / HTTP/1.1\r\n\r\n", "host"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",
            "",
        ),
    ] {
        let (status, id) = asked(&mut program.client(), words);
        let line = line_of(&program, &id);
        assert_eq!((status, &line["status"]), (400, &400.into()));
        assert!(
            line["reason"].as_str().expect("a reason").contains(reason),
            "{line}"
        );
    }
}

#[test]
fn another_protocol_on_the_plain_port_has_a_reason_of_its_own() {
    let app = App::content();
    let program = Program::serve(&app, &["--log-format", "json"]);
    let hello = [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        &[7; 200],
    ]
    .concat();
    let version_2 = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[1; 12]].concat();
    let genuine = String::from_utf8(genuine(BODY)).expect("text");
    let version_1 = format!("PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n{genuine}");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for (words, reason) in [
        (&hello[..], "tls"),
        (&version_2, "proxy-protocol"),
        (version_1.as_bytes(), "proxy-protocol"),
        (preface, "http2"),
        (b"nonsense\r\n\r\n", "malformed"),
    ] {
        let (status, id) = asked(&mut program.client(), words);
        let line = line_of(&program, &id);
        assert_eq!((status, &line["reason"]), (400, &Value::from(reason)));
    }
    assert_eq!(app.count(), 0);
}

#[test]
fn a_delivery_that_the_app_did_not_take_is_an_error_with_its_id() {
    let app = App::tcp(|_, wire| {
        wire.write_all(&answer("500 Internal Server Error", "", b""))?;
        Ok(Then::Keep)
    });
    // With every setting of the log.
    for log in ["all", "refused", "off"] {
        let program = Program::serve(&app, &["--log-format", "json", "--access-log", log]);
        let (status, id) = asked(&mut program.client(), genuine(BODY));
        let line = line_of(&program, &id);
        assert_eq!(
            (status, &line["level"], &line["status"]),
            (500, &"ERROR".into(), &500.into())
        );
        assert_eq!(line["taken"], false);
    }
    let (_gone, url) = crate::answers::destination::taken_port();
    let program = Program::serve_at(&url, &["--log-format", "json"]);
    let (status, id) = asked(&mut program.client(), genuine(BODY));
    let line = line_of(&program, &id);
    assert_eq!((status, &line["level"]), (502, &"ERROR".into()));
    assert_eq!(line["reason"], "destination-refused");
    assert_eq!(
        (&line["destination"], &line["address"]),
        (&"default".into(), &url.into())
    );
}

#[test]
fn the_access_log_can_be_narrowed() {
    let app = App::content();
    for (log, shows_refused) in [("refused", true), ("off", false)] {
        let program = Program::serve(&app, &["--access-log", log]);
        let mut client = program.client();
        let (_, taken) = asked(&mut client, genuine(BODY));
        let (_, refused) = asked(&mut client, forged(BODY));
        drop(client);
        program.signal("TERM");
        let (_, lines) = program.end();
        let shows = |id: &str| lines.iter().any(|line| line.contains(id));
        assert!(!shows(&taken), "{lines:#?}");
        assert_eq!(shows(&refused), shows_refused, "{lines:#?}");
    }
}

#[test]
fn refusals_fill_so_many_lines_a_second_and_the_rest_are_summed() {
    let app = App::content();
    let program = Program::serve(&app, &["--log-format", "json"]);
    let mut client = program.client();
    let begun = Instant::now();
    let mut refused = 0;
    while refused < 400 {
        assert_eq!(client.ask(forged(BODY)).status, 401);
        refused += 1;
    }
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    let seconds = begun.elapsed().as_secs() + 2;
    drop(client);
    program.signal("TERM");
    let (_, lines) = program.end();
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let shown = lines
        .iter()
        .filter(|line| line["verdict"] == "rejected")
        .count() as u64;
    let summed: u64 = lines
        .iter()
        .filter_map(|line| line["requests"].as_u64())
        .sum();
    assert!(shown <= 50 * seconds, "{shown} lines in {seconds} s");
    assert_eq!(shown + summed, refused, "none is forgotten");
    assert!(
        lines.iter().any(|line| line["verdict"] == "verified"),
        "the others stay"
    );
}

#[test]
fn the_start_says_what_is_protected_where_it_goes_and_by_which_secrets() {
    let app = App::content();
    let program = Program::serve(&app, &["--path", "/in", "--name", "orders"]);
    let line = program.line(&["protecting"]);
    let mapping = format!("/in -> {}/in", app.url);
    for part in [
        &*mapping,
        "orders",
        "current",
        "x-cartfunnel-hmac-sha256",
        "127.0.0.1:",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(
        !program
            .lines()
            .iter()
            .any(|line| line.contains("not signed"))
    );

    let open = Program::serve(&app, &[]);
    assert!(
        open.line(&["protecting"])
            .contains(&format!("/* -> {}/*", app.url))
    );
    assert!(open.line(&["captured delivery"]).contains("WARN"));
}
