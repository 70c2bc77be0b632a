//! The file of an inbox and its log use no more disk space than they need.

use std::{fs, process::Command};

use rusqlite::{Connection, OpenFlags};

use crate::{
    program::Program,
    support::{SECRET, genuine, wait_until},
};

const MIB: u64 = 1 << 20;

/// Events wait, because their destination does not listen.
const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
workers = 2
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

fn start() -> Program {
    Program::serve_file(CONFIG, &[("secret", SECRET)])
}

fn deliver_mebibytes(gate: &Program, first: u64, count: u64) {
    let mut client = gate.client();
    for number in first..first + count {
        let mut body = vec![b'x'; MIB as usize - 8];
        body.extend(number.to_be_bytes());
        assert_eq!(client.ask(genuine(&body)).status, 200);
    }
}

fn length(gate: &Program, name: &str) -> u64 {
    fs::metadata(gate.file(name)).map_or(0, |file| file.len())
}

#[test]
fn a_purged_inbox_gives_its_space_back_to_the_disk() {
    let gate = start();
    deliver_mebibytes(&gate, 0, 24);
    let purge = Command::new(env!("CARGO_BIN_EXE_cartgate"))
        .env_clear()
        .current_dir(gate.file("secret").parent().expect("a folder"))
        .args(["inbox", "purge", "--state", "pending", "--yes"])
        .args(["--inbox", "sqlite:inbox.db"])
        .output();
    let purge = purge.expect("it runs");
    assert!(purge.status.success(), "{purge:?}");
    // No delivery arrives that could cause it.
    wait_until("the file has shrunk", || {
        length(&gate, "inbox.db") < 4 * MIB
    });
    deliver_mebibytes(&gate, 24, 1);
}

#[test]
fn a_log_that_a_reader_made_long_is_cut_when_the_reader_has_gone() {
    let gate = start();
    deliver_mebibytes(&gate, 0, 1);
    let reader =
        Connection::open_with_flags(gate.file("inbox.db"), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let reader = reader.expect("a database");
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM event")
        .expect("it reads");
    deliver_mebibytes(&gate, 1, 52);
    let log = || length(&gate, "inbox.db-wal");
    assert!(log() > 52 * MIB, "the reader needs it: {}", log());
    reader.execute_batch("COMMIT").expect("it ends");
    wait_until("the log is cut", || log() <= 48 * MIB);
    deliver_mebibytes(&gate, 53, 20);
    assert!(log() <= 49 * MIB, "it stays short: {}", log());
}
