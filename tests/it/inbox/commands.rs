//! `cartgate inbox` as an operator runs it: beside a running gate through its socket, and without a
//! gate.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::{
    program::Program,
    support::{SECRET, request, signature_line, wait_until},
};

/// A gate whose events all wait, because their destination does not listen.
pub(super) const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
workers = 2
[admin]
listen = "127.0.0.1:0"
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

pub(super) const BODIES: [&[u8]; 3] = [b"the first", b"the second", b"the third"];

pub(super) fn gate(others: &[(&str, &[u8])]) -> Program {
    let secret: (&str, &[u8]) = ("secret", SECRET);
    let all: Vec<_> = [secret].into_iter().chain(others.iter().copied()).collect();
    Program::serve_file(CONFIG, &all)
}

/// Starts a gate that has stored three events.
pub(super) fn gate_with_three() -> Program {
    let gate = gate(&[]);
    for body in BODIES {
        let delivery = request("POST /hooks HTTP/1.1", &signature_line(body), body);
        assert_eq!(gate.client().ask(delivery).status, 200);
    }
    gate
}

/// The result of the command.
pub(super) struct Ran {
    pub(super) status: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

/// Runs `cartgate inbox …` in the directory of a gate.
pub(super) fn inbox(gate: &Program, args: &[&str]) -> Ran {
    inbox_in(gate.file("secret").parent().expect("a folder"), args)
}

pub(super) fn inbox_in(dir: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    command.env_clear().current_dir(dir).arg("inbox").args(args);
    let output = command.args(["--config", "cartgate.toml"]).output();
    let output = output.expect("it runs");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert!(!stderr.contains("panicked"), "{stderr}");
    Ran {
        status: output.status.code().expect("no signal ended it"),
        stdout: output.stdout,
        stderr,
    }
}

impl Ran {
    #[track_caller]
    pub(super) fn ends(self, status: i32) -> Self {
        let stdout = String::from_utf8_lossy(&self.stdout);
        assert_eq!(self.status, status, "{stdout}\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub(super) fn says(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "{}", self.stderr);
        self
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("text")
    }

    pub(super) fn json(&self) -> Vec<Value> {
        let lines = self.text().lines();
        lines
            .map(|line| serde_json::from_str(line).expect("an object a line"))
            .collect()
    }
}

pub(super) fn ids(gate: &Program) -> Vec<String> {
    let listed = inbox(gate, &["list", "--json"]).ends(0).json();
    let id = |one: &Value| one["id"].as_str().expect("an id").to_owned();
    listed.iter().map(id).collect()
}

/// As root, or as the user of the gate, without the credentials that systemd gives only to the
/// gate.
#[test]
fn only_the_inbox_of_a_configuration_file_matters() {
    let gate = gate_with_three();
    let elsewhere = CONFIG.replace("file = \"secret\"", "credential = \"cartfunnel\"");
    let elsewhere = elsewhere.replace(
        "[admin]\n",
        "tls = { cert = \"no-cert.pem\", key = \"no-key.pem\" }\n[admin]\ntoken = { file = \"no-token\" }\n",
    );
    gate.write_config(&elsewhere);
    // While a gate runs, only the gate needs the keys.
    let with_key = elsewhere.replace(
        "[inbox]\n",
        "[inbox]\nkey = { credential = \"inbox-key\" }\n",
    );
    gate.write_config(&with_key);
    assert_eq!(inbox(&gate, &["list", "--json"]).ends(0).json().len(), 3);
    inbox(&gate, &["stats"]).ends(0);

    let dir = gate.file("");
    let copy = tempfile::tempdir().expect("a directory");
    for name in ["inbox.db", "inbox.db.key"] {
        fs::copy(dir.join(name), copy.path().join(name)).expect("copied");
    }
    fs::write(copy.path().join("cartgate.toml"), &elsewhere).expect("written");
    inbox_in(copy.path(), &["stats"]).ends(0);
    fs::write(copy.path().join("cartgate.toml"), &with_key).expect("written");
    let ran = inbox_in(copy.path(), &["stats"]).ends(2);
    ran.says("cartgate.toml:").says("credential inbox-key");
}

#[test]
fn another_user_is_told_whom_to_be() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("inbox.db");
    fs::write(&file, "").expect("written");
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(dir.path(), private).expect("set");
    let is_root = rustix::process::geteuid().is_root();
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(env!("CARGO_BIN_EXE_cartgate"));
        command
    } else {
        let nobodys = fs::Permissions::from_mode(0o000);
        fs::set_permissions(&file, nobodys).expect("set");
        Command::new(env!("CARGO_BIN_EXE_cartgate"))
    };
    let store = format!("sqlite:{}", file.display());
    let output = command.args(["inbox", "stats", "--inbox", &store]).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("as the user that the gate runs as"), "{said}");
}

#[test]
fn a_running_gate_is_asked_over_its_socket() {
    let gate = gate_with_three();
    let mode = fs::metadata(gate.file("inbox.db.sock")).expect("a socket");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);

    let listed = inbox(&gate, &["list", "--json"]).ends(0).json();
    assert_eq!(listed.len(), 3);
    for (one, body) in listed.iter().zip(BODIES) {
        assert_eq!(one["endpoint"], "orders");
        assert_eq!(one["destination"], "shop");
        assert_eq!(one["state"], "pending");
        assert_eq!(one["size"], body.len());
        assert_eq!((&one["copy"], &one["seen"]), (&0.into(), &1.into()));
        let received = one["received"].as_str().expect("a time");
        assert!(received.starts_with("20") && received.ends_with('Z'));
    }
    let table = inbox(&gate, &["list", "--state", "pending"]).ends(0);
    let rows = table.text().lines().filter(|line| !line.starts_with(' '));
    assert_eq!(rows.count(), 4);
    assert!(table.text().lines().all(|line| line.chars().count() <= 80));
    assert!(table.text().contains("shop"));

    for empty in [
        &["list", "--state", "dead"][..],
        &["list", "--since", "1h", "--kind", "order"],
        &["list", "--until", "1h"],
    ] {
        let ran = inbox(&gate, empty).ends(0).says("no deliveries");
        assert!(ran.stdout.is_empty());
    }
    let all = ["list", "--since", "1h", "--endpoint", "orders"];
    inbox(&gate, &all).ends(0);
    inbox(&gate, &["list", "--since", "yesterday"]).ends(2);
}

#[test]
fn an_event_is_shown_and_its_body_alone_where_that_is_asked() {
    let gate = gate_with_three();
    let ids = ids(&gate);
    let shown = inbox(&gate, &["show", &ids[1]]).ends(0);
    for part in [&*ids[1], "POST /hooks", "seal      intact", "shop: pending"] {
        assert!(shown.text().contains(part), "{part}: {}", shown.text());
    }
    assert!(!shown.text().contains("the second"));
    let json = &inbox(&gate, &["show", &ids[1], "--json"]).ends(0).json()[0];
    assert_eq!(json["intact"], true);
    assert_eq!(json["head"]["method"], "POST");
    assert_eq!(json["deliveries"][0]["state"], "pending");
    assert!(!json.to_string().contains("the second"));
    let body = inbox(&gate, &["show", &ids[1], "--body"]).ends(0);
    assert_eq!(body.stdout, BODIES[1]);
    let unknown = "0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f";
    inbox(&gate, &["show", unknown]).ends(1).says("no event");
    inbox(&gate, &["show", "nonsense"]).ends(2);
}

#[test]
fn deliveries_are_tried_again_and_purged_as_they_are_selected() {
    let gate = gate_with_three();
    let ids = ids(&gate);
    inbox(&gate, &["retry"]).ends(1).says("nothing is selected");
    inbox(&gate, &["retry", "--state", "pending", "--rate", "1000"])
        .ends(0)
        .says("3 are due now");
    inbox(&gate, &["retry", "--to", "nowhere"])
        .ends(1)
        .says("nowhere");
    inbox(&gate, &["replay"]).ends(2).says("what to replay");
    inbox(&gate, &["replay", &ids[0]])
        .ends(1)
        .says("nothing is selected");

    inbox(&gate, &["purge", "--yes"]).ends(2);
    inbox(&gate, &["purge", "--state", "pending"])
        .ends(2)
        .says("--yes");
    inbox(&gate, &["purge", &ids[1]]).ends(0).says("1 ");
    inbox(&gate, &["purge", &ids[1]]).ends(1);
    assert_eq!(self::ids(&gate), [&*ids[0], &*ids[2]]);
    inbox(&gate, &["purge", "--destination", "shop", "--yes"]).ends(0);
    inbox(&gate, &["list"]).ends(0).says("no deliveries");
}

#[test]
fn the_stock_is_told_to_commands_metrics_and_status_alike() {
    let gate = gate_with_three();
    let stats = &inbox(&gate, &["stats", "--json"]).ends(0).json()[0];
    assert_eq!(
        (&stats["events"], &stats["trouble"]),
        (&3.into(), &Value::Null)
    );
    let shop = &stats["destinations"][0];
    assert_eq!(
        (&shop["destination"], &shop["pending"]),
        (&"shop".into(), &3.into())
    );
    assert_eq!(shop["configured"], true);
    let text = inbox(&gate, &["stats"]).ends(0);
    assert!(
        text.text().contains("3 of 1000000 events"),
        "{}",
        text.text()
    );
    assert!(text.text().lines().all(|line| line.chars().count() <= 80));

    let metrics = ask(&gate, "/metrics");
    for series in [
        r#"cartgate_inbox_arrivals_total{endpoint="orders",result="stored"} 3"#,
        r#"cartgate_inbox_arrivals_total{endpoint="orders",result="too-many-copies"} 0"#,
        r#"cartgate_inbox_pending{destination="shop"} 3"#,
        r#"cartgate_inbox_dead{destination="shop"} 0"#,
        "cartgate_inbox_events 3",
        "cartgate_inbox_events_limit 1000000",
        "cartgate_inbox_acknowledging 1",
    ] {
        let has = |line: &str| line.strip_suffix(".0").unwrap_or(line) == series;
        assert!(metrics.lines().any(has), "no {series} in {metrics}");
    }
    let status = ask(&gate, "/api/v1/status");
    let status = status.split("\r\n\r\n").nth(1).expect("a body");
    let status: Value = serde_json::from_str(status).expect("a report");
    assert_eq!(status["inbox"]["events"]["taken"], 3);
    assert_eq!(status["inbox"]["waiting"][0]["pending"], 3);
    assert_eq!(status["needs"], Value::Array(Vec::new()));
}

/// Returns a page of the admin listener.
pub(super) fn ask(gate: &Program, path: &str) -> String {
    let mut stream = TcpStream::connect(gate.admin()).expect("open");
    let token = gate.token();
    let question = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(question.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn without_a_gate_the_file_is_opened_and_with_a_deaf_one_it_is_not() {
    let gate = gate_with_three();
    let ids = ids(&gate);
    // This gate no longer responds, and still has the file open.
    fs::remove_file(gate.file("inbox.db.sock")).expect("there");
    inbox(&gate, &["list"]).ends(1).says("has it open");

    let copy = tempfile::tempdir().expect("a folder");
    let dir = gate.file("secret").parent().expect("a folder").to_owned();
    gate.signal("KILL");
    wait_until("the lock is free", || {
        inbox_in(&dir, &["stats"]).status == 0
    });
    for name in [
        "inbox.db",
        "inbox.db.key",
        "inbox.db-wal",
        "secret",
        "cartgate.toml",
    ] {
        if dir.join(name).exists() {
            fs::copy(dir.join(name), copy.path().join(name)).expect("copied");
        }
    }
    let purged = inbox_in(copy.path(), &["purge", &ids[0]]).ends(0);
    assert!(purged.stdout.is_empty());
    let left = inbox_in(copy.path(), &["list", "--json"]).ends(0).json();
    assert_eq!(left.len(), 2);
    assert!(!copy.path().join("inbox.db.sock").exists());
    let other = copy.path().join("other.toml");
    let text = CONFIG.replace("inbox.db", "no-such.db");
    fs::write(other, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    command.env_clear().current_dir(copy.path());
    let ran = command.args(["inbox", "list", "--config", "other.toml"]);
    let ran = ran.output().expect("it runs");
    assert_eq!(ran.status.code(), Some(2));
    assert!(!copy.path().join("no-such.db").exists(), "none is made");
}

#[test]
fn the_socket_goes_with_the_gate() {
    let gate = gate_with_three();
    let socket = gate.file("inbox.db.sock");
    assert!(socket.exists());
    let dir = tempfile::tempdir().expect("a folder");
    let link = dir.path().join("sock");
    fs::hard_link(&socket, &link).expect("linked");
    gate.signal("TERM");
    wait_until("it is gone", || !socket.exists());
    assert!(link.exists(), "the test looked at the right file");
}

#[test]
fn a_backup_that_was_taken_while_a_gate_runs_starts_another() {
    let running = gate_with_three();
    inbox(&running, &["backup", "copy.db"])
        .ends(0)
        .says("copy.db");
    let copy = running.file("copy.db");
    let mode = fs::metadata(&copy).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    inbox(&running, &["backup", "copy.db"]).ends(1);
    let ids = ids(&running);
    inbox(&running, &["purge", "--state", "pending", "--yes"]).ends(0);

    let bytes = fs::read(&copy).expect("a copy");
    let key = fs::read(running.file("inbox.db.key")).expect("a key");
    let restored = gate(&[("inbox.db", &bytes), ("inbox.db.key", &key)]);
    assert_eq!(self::ids(&restored), ids);
    let body = inbox(&restored, &["show", &ids[2], "--body"]).ends(0);
    assert_eq!(body.stdout, BODIES[2]);
}
