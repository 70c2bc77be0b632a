//! The end of a gate with an inbox, by a signal.

use std::fs;

use rusqlite::Connection;

use crate::{
    program::Program,
    support::{SECRET, request, signature_line, wait_until},
};

/// A gate whose events all wait, because their destination does not listen.
const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
workers = 4
drain_delay = "0s"
[inbox]
store = "sqlite:inbox.db"
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
"#;

#[test]
fn a_gate_that_is_stopped_leaves_no_log_for_the_next_start_to_check() {
    for time in 0..10 {
        let mut gate = Program::serve_file(CONFIG, &[("secret", SECRET)]);
        for body in [b"the first".as_slice(), b"the second", b"the third"] {
            let delivery = request("POST /hooks HTTP/1.1", &signature_line(body), body);
            assert_eq!(gate.client().ask(delivery).status, 200);
        }
        let log = gate.file("inbox.db-wal");
        let length = || fs::metadata(&log).map_or(0, |log| log.len());
        assert!(length() > 0, "it is written through a log");
        gate.signal("TERM");
        wait_until("it ends", || !gate.runs());
        assert_eq!(length(), 0, "after {time} clean ends");
        assert!(gate.end().0.success());
    }
}

#[test]
fn a_signal_ends_a_start_that_looks_the_inbox_over() {
    let mut gate = Program::serve_file(CONFIG, &[("secret", SECRET)]);
    let body = b"the first";
    let delivery = request("POST /hooks HTTP/1.1", &signature_line(body), body);
    assert_eq!(gate.client().ask(delivery).status, 200);
    gate.signal("KILL");
    wait_until("it is dead", || !gate.runs());
    let file = gate.file("inbox.db");
    // The exclusive lock delays the check for longer than a signal takes, and then makes it fail.
    let holder = Connection::open(&file).expect("a database");
    holder
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .expect("it is held");
    let text = CONFIG.replace("inbox.db", file.to_str().expect("text"));
    for signal in ["TERM", "INT"] {
        let next = Program::start_file(&text, &[("secret", SECRET)], &[]);
        next.line(&["WARN", "was not closed", "checking it"]);
        next.signal(signal);
        let (status, lines) = next.end();
        assert!(status.success(), "{status}: {lines:?}");
        assert!(
            lines.iter().all(|line| !line.contains("protecting")),
            "{lines:?}"
        );
    }
}
