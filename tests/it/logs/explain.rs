//! `--explain`: the likely cause of a signature mismatch.

use serde_json::Value;

use super::asked;
use crate::{
    program::Program,
    support::{App, BODY, SECRET, forged, request, sign, sign_with},
};

/// Returns the doctor's diagnosis of a delivery with this signature.
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
