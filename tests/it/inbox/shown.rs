//! `cartgate inbox` shows the stored data, which cannot control the terminal.

use std::{path::Path, process::Command};

use rusqlite::Connection;

use crate::{
    program::Program,
    support::{SECRET, request, signature_line},
};

/// Bytes that a terminal would act on, and that are not text.
const BODY: &[u8] = b"\x1b[31mred\x1b[0m\x00\x01\r\n\xc2\x9b\xff";

/// Creates a store with one event, without a gate.
fn stored(dir: &Path) -> String {
    let gate = gate(dir);
    let delivery = request("POST /hooks HTTP/1.1", &signature_line(BODY), BODY);
    assert_eq!(gate.client().ask(delivery).status, 200);
    gate.signal("TERM");
    gate.end();
    format!("sqlite:{}", dir.join("inbox.db").display())
}

/// Starts a gate whose store is in this directory.
fn gate(dir: &Path) -> Program {
    let file = dir.join("inbox.db");
    let text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
[inbox]
store = "sqlite:{}"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
[[endpoint.destination]]
name = "shop"
url = "http://127.0.0.1:1"
"#,
        file.display()
    );
    Program::serve_file(&text, &[("secret", SECRET)])
}

/// Returns the status, the output, and the messages.
fn inbox(at: &str, args: &[&str]) -> (Option<i32>, Vec<u8>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    command.env_clear().env("TZ", "Europe/Berlin");
    let output = command
        .arg("inbox")
        .args(args)
        .args(["--inbox", at])
        .output();
    let output = output.expect("it runs");
    let messages = String::from_utf8(output.stderr).expect("text");
    assert!(!messages.contains("panicked"), "{messages}");
    (output.status.code(), output.stdout, messages)
}

fn id(at: &str) -> String {
    let (_, list, _) = inbox(at, &["list", "--json"]);
    let line: serde_json::Value = serde_json::from_slice(&list).expect("one event");
    line["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_body_in_a_file_is_the_stored_body() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = stored(dir.path());
    let (status, body, _) = inbox(&at, &["show", &id(&at), "--body"]);
    assert_eq!((status, &*body), (Some(0), BODY));
}

#[test]
fn no_stored_text_commands_the_terminal_and_no_time_is_too_late() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = stored(dir.path());
    let id = id(&at);
    let db = Connection::open(dir.path().join("inbox.db")).expect("opened");
    let evil = "or\u{202e}d\u{9b}2Je\u{200b}rs\u{2066}\x1b[2J";
    let changed = db.execute(
        "UPDATE event SET endpoint = ?, received = 9000000000000000",
        [evil],
    );
    assert_eq!(changed.expect("changed"), 1);
    drop(db);
    shows_no_command(&at, &id, evil);
    // The same through a gate.
    let gate = gate(dir.path());
    shows_no_command(&at, &id, evil);
    drop(gate);
}

fn shows_no_command(at: &str, id: &str, evil: &str) {
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["show", id],
        &["show", id, "--json"],
        &["stats"],
    ] {
        let (status, shown, messages) = inbox(at, args);
        let shown = String::from_utf8(shown).expect("text");
        assert_eq!(status, Some(0), "{args:?}: {messages}");
        for unsafe_one in ['\u{202e}', '\u{9b}', '\u{200b}', '\u{2066}', '\x1b'] {
            assert!(!shown.contains(unsafe_one), "{args:?}: {shown:?}");
        }
        if let [_, .., "--json"] = args {
            assert!(shown.contains("9999-12-31T23:59:59.999Z"), "{shown}");
            let value: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
            assert_eq!(value["endpoint"], evil, "the value is the stored one");
        }
    }
}

#[test]
fn a_time_is_local_unless_it_has_an_offset() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = stored(dir.path());
    let db = Connection::open(dir.path().join("inbox.db")).expect("opened");
    // 2026-07-01T12:00:00Z, which is 14:00 in Berlin.
    db.execute("UPDATE event SET received = 1782907200000", [])
        .expect("changed");
    drop(db);
    let found = |since: &str| {
        let (_, list, messages) = inbox(&at, &["list", "--json", "--since", since]);
        (!list.is_empty(), messages)
    };
    for (since, expected) in [
        ("2026-07-01T13:59", true),
        ("2026-07-01T14:01", false),
        ("2026-07-01 13:59:59", true),
        ("2026-07-01T12:00Z", true),
        ("2026-07-01T12:01Z", false),
        ("2026-07-01T13:00+01:00", true),
        ("2026-07-01T13:01:00+01:00", false),
        ("2026-07-01", true),
        ("2026-07-02", false),
    ] {
        let (found, messages) = found(since);
        assert_eq!(found, expected, "{since}: {messages}");
        let is_local = !since.contains(['Z', '+']);
        assert_eq!(
            messages.contains("[Europe/Berlin]"),
            is_local,
            "{since}: {messages}"
        );
    }
}
