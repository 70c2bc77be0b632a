//! What the built program says: one line a request, and never a secret or a payload.

use std::{process::Command, sync::atomic::AtomicUsize, time::Instant};

use serde_json::Value;

use crate::{
    program::Program,
    support::{
        App, BODY, Client, SECRET, Then, app::answer, forged, genuine, request, sign, sign_with,
        signature_line, wait_until,
    },
};

/// The line of a request, as JSON.
fn line_of(program: &Program, id: &str) -> Value {
    serde_json::from_str(&program.line(&[id])).expect("a line of JSON")
}

fn asked(client: &mut Client, request: impl AsRef<[u8]>) -> (u16, String) {
    let answer = client.ask(request);
    (
        answer.status,
        answer
            .header("x-cartgate-delivery")
            .expect("an id")
            .to_owned(),
    )
}

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
    for (target, shown) in [
        ("/x?planted=query", "/x".to_owned()),
        ("/%1b[31m?", "/%1b[31m".to_owned()),
        ("/\"quoted\"", "/\\\"quoted\\\"".to_owned()),
        (&*long, format!("{}...", &long[..128])),
    ] {
        let request = request(&format!("POST {target} HTTP/1.1"), "", BODY);
        let (status, id) = asked(&mut program.client(), request);
        assert_eq!(status, 401);
        assert_eq!(line_of(&program, &id)["path"], shown);
    }
    assert!(!program.lines().join("\n").contains("planted=query"));
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
fn a_delivery_that_the_app_did_not_take_is_an_error_with_its_id() {
    let app = App::tcp(|_, wire| {
        wire.write_all(&answer("500 Internal Server Error", "", b""))?;
        Ok(Then::Keep)
    });
    // Whatever was asked of the log.
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

/// What the doctor says of a delivery with this signature.
fn explained(secret: &[u8], signature: &str, body: &[u8]) -> Value {
    let app = App::content();
    let program = Program::serve(&app, &["--log-format", "json", "--explain"]);
    program.write_secret(secret);
    program.signal("HUP");
    program.line(&["in force"]);
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {signature}\r\n");
    let request = request("POST /hooks HTTP/1.1", &lines, body);
    let (status, id) = asked(&mut program.client(), request);
    assert_eq!(status, 401);
    serde_json::from_str(&program.line(&["cartgate::explain", &id])).expect("JSON")
}

#[test]
fn explain_names_the_cause() {
    let quoted = [b"\"", SECRET, b"\""].concat();
    let newlines = [SECRET, b"\n\n"].concat();
    let kept = [SECRET, b"\n"].concat();
    let json = br#"{"a": 1, "b": [1, 2]}"#;
    for (secret, signature, body, cause) in [
        (
            SECRET,
            sign_with(&kept, BODY),
            BODY,
            "sender-secret-newline",
        ),
        (&newlines, sign(BODY), BODY, "secret-newline"),
        (&quoted, sign(BODY), BODY, "secret-quotes"),
        (SECRET, sign(b""), BODY, "empty-body-signed"),
        (SECRET, sign(b"hello"), b"hello\n", "newline-added"),
        (
            SECRET,
            sign(br#"{"a":1,"b":[1,2]}"#),
            json,
            "json-re-serialized",
        ),
        (
            SECRET,
            sign_with(b"quite another secret", BODY),
            BODY,
            "another-secret",
        ),
    ] {
        let line = explained(secret, &signature, body);
        assert_eq!(line["cause"], cause, "{line}");
    }
}

#[test]
fn without_explain_nobody_looks_into_a_mismatch() {
    let app = App::content();
    let program = Program::serve(&app, &[]);
    let (_, id) = asked(&mut program.client(), forged(BODY));
    program.line(&[&id]);
    program.signal("TERM");
    let (_, lines) = program.end();
    assert!(!lines.iter().any(|line| line.contains("cartgate::explain")));
}

/// Texts that no output may hold: the secret in each form that a mistake could give it, and marks
/// in each part of a request that is private.
fn planted() -> Vec<String> {
    use base64::Engine as _;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let base64 = base64::engine::general_purpose::STANDARD.encode(SECRET);
    let decimal = format!("{SECRET:?}");
    let mut texts = vec![
        std::str::from_utf8(SECRET).expect("text").to_owned(),
        hex(SECRET),
        base64[..40].to_owned(),
        decimal[1..40].to_owned(),
    ];
    texts.extend(["body", "query", "cookie", "header", "auth"].map(mark));
    texts
}

fn mark(of: &str) -> String {
    format!("planted-{of}-7f3a")
}

/// Requests of each kind, with marks in each private part.
fn private_requests() -> Vec<Vec<u8>> {
    let body = format!(r#"{{"email":"{}"}}"#, mark("body"));
    let body = body.as_bytes();
    let marks = format!(
        "Cookie: a={}\r\nX-Own: {}\r\nAuthorization: Bearer {}\r\n",
        mark("cookie"),
        mark("header"),
        mark("auth")
    );
    let query = format!("/hooks?key={}", mark("query"));
    let kept = [SECRET, b"\n"].concat();
    let of_kept = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign_with(&kept, body));
    let in_place = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", mark("header"));
    let mut requests = Vec::new();
    for signature in [
        signature_line(body),
        of_kept,
        signature_line(b""),
        in_place,
        String::new(),
    ] {
        for line in [
            format!("POST {query} HTTP/1.1"),
            format!("PATCH {query} HTTP/1.1"),
            format!("POST http://gate.example{query} HTTP/1.1"),
            format!("POST http://other{query} HTTP/1.1"),
            format!("POST {query} HTTP/1.2"),
        ] {
            requests.push(request(&line, &(signature.clone() + &marks), body));
        }
    }
    let long = format!("X: {}\r\n", mark("header").repeat(2000));
    requests.push(request("POST /hooks HTTP/1.1", &long, body));
    requests.push(format!("{}\r\n\r\n", mark("header")).into_bytes());
    requests
}

#[track_caller]
fn holds_nothing_planted(text: &str) {
    for planted in planted() {
        assert!(!text.contains(&planted), "{planted:?} in: {text}");
    }
}

#[test]
fn no_secret_and_no_payload_is_in_what_serve_prints() {
    let count = AtomicUsize::new(0);
    let app = App::tcp(move |_, wire| {
        // Taken, refused, and no answer at all: each has a line of its own.
        let status = match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 3 {
            0 => "200 OK",
            1 => "422 Unprocessable Content",
            _ => return Ok(Then::Close),
        };
        wire.write_all(&answer(status, "", mark("body").as_bytes()))?;
        Ok(Then::Keep)
    });
    for format in ["text", "json"] {
        let args = ["--log-format", format, "--log-level", "debug", "--explain"];
        let secret = std::str::from_utf8(SECRET).expect("text");
        let program = Program::serve_with(&app, &args, &[("CARTGATE_SECRET", secret)]);
        for request in private_requests() {
            let mut client = program.client();
            assert_ne!(client.ask(request).status, 0);
        }
        wait_until("the doctor's word", || {
            program
                .lines()
                .iter()
                .any(|line| line.contains("cartgate::explain"))
        });
        for useless in [[SECRET, b"\0"].concat(), Vec::new()] {
            program.write_secret(&useless);
            program.signal("HUP");
        }
        program.line(&["in force stay"]);
        program.signal("TERM");
        let (_, lines) = program.end();
        assert!(lines.len() > 20, "{lines:#?}");
        holds_nothing_planted(&lines.join("\n"));
    }
}

#[test]
fn no_help_shows_what_the_environment_holds() {
    let secret = std::str::from_utf8(SECRET).expect("text");
    let variables: Vec<(String, &str)> = help(&[], &[])
        .join("\n")
        .split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .filter(|word| word.starts_with("CARTGATE_"))
        .map(|word| (word.to_owned(), secret))
        .collect();
    assert!(variables.len() > 10, "{variables:?}");
    holds_nothing_planted(&help(&variables, &["--help", "-h"]).join("\n"));
}

/// The help of each command, with variables set.
fn help(variables: &[(String, &str)], flags: &[&str]) -> Vec<String> {
    let flags = if flags.is_empty() { &["--help"] } else { flags };
    let mut texts = Vec::new();
    for command in ["serve", "send", "sign", "verify", "demo"] {
        for flag in flags {
            let output = Command::new(env!("CARGO_BIN_EXE_cartgate"))
                .env_clear()
                .envs(variables.iter().map(|(name, value)| (name, value)))
                .args([command, flag])
                .output()
                .expect("it runs");
            assert!(output.status.success(), "{output:?}");
            texts.push(String::from_utf8(output.stdout).expect("text"));
            texts.push(String::from_utf8(output.stderr).expect("text"));
        }
    }
    texts
}
