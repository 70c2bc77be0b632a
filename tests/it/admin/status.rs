//! `cartgate status` as an operator runs it, against gates in this process.

use std::{
    net::TcpListener,
    process::{Command, Output},
    time::{Duration, SystemTime},
};

use cartgate::net::listener::ListenAddress;
use serde_json::Value;
use tower_cartgate::Secret;

use super::setup;
use crate::{
    program::write_secret,
    support::{App, BODY, Gate, forged, genuine, request},
};

/// The exit status of the program and its output.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

fn status<S: AsRef<str>>(args: &[S]) -> Ran {
    status_with("", args)
}

/// Asks a gate with its own token, as the command of a user reads it from a file.
fn status_of<S: AsRef<str>>(gate: &Gate, args: &[S]) -> Ran {
    status_with(&gate.token(), args)
}

fn status_with<S: AsRef<str>>(token: &str, args: &[S]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    command.env_clear().env("CARTGATE_ADMIN_TOKEN", token);
    command.arg("status");
    command.args(args.iter().map(AsRef::as_ref));
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("it runs");
    Ran {
        status: status.code().expect("no signal ended it"),
        stdout: String::from_utf8(stdout).expect("text"),
        stderr: String::from_utf8(stderr).expect("text"),
    }
}

fn url(gate: &Gate) -> String {
    match gate.admin() {
        ListenAddress::Tcp(address) => format!("http://{address}"),
        unix => unix.to_string(),
    }
}

/// Returns an address without a listener.
fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

#[track_caller]
fn says(ran: &Ran, parts: &[&str]) {
    for part in parts {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
}

#[test]
fn a_gate_that_is_well_is_shown_on_one_screen() {
    let app = App::content();
    let gate = setup(&app).start();
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    assert_eq!(gate.client().ask(forged(BODY)).status, 401);
    let nowhere = request("POST /nowhere HTTP/1.1", "", BODY);
    assert_eq!(gate.client().ask(nowhere).status, 404);
    let ran = status_of(&gate, &[url(&gate)]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    says(
        &ran,
        &[
            &url(&gate),
            "ready, up for",
            "endpoint hooks",
            "destination app",
            "no open problems",
        ],
    );
    let line = |label: &str| {
        let found = ran.stdout.lines().find(|line| line.contains(label));
        found.unwrap_or_else(|| panic!("no {label} in {}", ran.stdout))
    };
    assert!(line("verified").contains(" 1 ") && line("verified").ends_with("ago"));
    assert!(line("no endpoint  1").ends_with("ago: no-endpoint"));
    assert!(
        line("rejected").ends_with("ago: mismatch"),
        "{}",
        ran.stdout
    );
    assert!(
        line("secret current").contains("matched 1, last"),
        "{}",
        ran.stdout
    );
    assert!(line("taken").contains(" 1 "), "{}", ran.stdout);
}

#[test]
fn a_delivery_that_was_not_taken_needs_a_person() {
    let app = App::content();
    let gate = setup(&app).with(|setup| setup.upstream = dead()).start();
    assert_eq!(gate.client().ask(genuine(BODY)).status, 502);
    let ran = status_of(&gate, &[url(&gate)]);
    assert_eq!(ran.status, 1);
    says(
        &ran,
        &[
            "open problems:",
            "- hooks: a verified delivery was not taken",
            "destination-refused",
        ],
    );
}

#[test]
fn a_reload_that_failed_needs_a_person_until_one_succeeds() {
    let app = App::content();
    let gate = setup(&app).start();
    gate.metrics.reload_failed();
    let ran = status_of(&gate, &[url(&gate)]);
    assert_eq!(ran.status, 1);
    says(&ran, &["failed; the configuration from"]);
    let same = gate.config.borrow().clone();
    gate.config.send_replace(same);
    crate::support::wait_until("it is well again", || {
        status_of(&gate, &[url(&gate)]).status == 0
    });
}

#[test]
fn a_certificate_that_ends_soon_needs_a_person() {
    let app = App::content();
    let gate = setup(&app).start();
    let in_days = |days: u64| {
        let ends = SystemTime::now() + Duration::from_secs(days * 86_400 + 3_600);
        SystemTime::UNIX_EPOCH..ends
    };
    gate.metrics
        .shows_certificates([("a.pem".to_owned(), in_days(30))]);
    let ran = status_of(&gate, &[url(&gate)]);
    assert_eq!(ran.status, 0);
    says(&ran, &["certificate a.pem: expires in 30 days"]);
    gate.metrics
        .shows_certificates([("b.pem".to_owned(), in_days(3))]);
    let ran = status_of(&gate, &[url(&gate)]);
    assert_eq!(ran.status, 1);
    says(&ran, &["- the certificate b.pem expires in 3 days"]);
    assert!(!ran.stdout.contains("a.pem"), "it was replaced");
}

#[test]
fn several_gates_are_asked_at_once_and_a_dead_one_is_named() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let socket = ListenAddress::Unix(dir.path().join("admin.sock"));
    let gates = [
        setup(&app).start(),
        setup(&app).with(|setup| setup.admin = Some(socket)).start(),
    ];
    let mut urls: Vec<_> = gates.iter().map(url).collect();
    let ran = status_of(&gates[0], &urls);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("no open problems").count(), 2);
    urls.insert(1, dead());
    let ran = status_of(&gates[0], &urls);
    assert_eq!(ran.status, 1);
    assert_eq!(ran.stdout.matches("no open problems").count(), 2);
    says(
        &ran,
        &[&urls[0], &urls[1], &urls[2], "- no report: no connection"],
    );

    urls.push("--json".to_owned());
    let ran = status_of(&gates[0], &urls);
    assert_eq!(ran.status, 1);
    let all: Vec<Value> = serde_json::from_str(&ran.stdout).expect("a list");
    assert_eq!(all.len(), 3);
    for (one, url) in all.iter().zip(&urls) {
        assert_eq!(one["gate"], **url);
    }
    assert_eq!(all[0]["report"]["endpoints"][0]["endpoint"], "hooks");
    assert!(all[1]["report"].is_null() && all[1]["error"].is_string());
    assert_eq!(all[2]["report"]["needs"], Value::Array(Vec::new()));
}

#[test]
fn a_gate_that_never_answers_costs_no_more_than_its_time() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let ran = status(&[&url, "--timeout", "100ms"]);
    assert_eq!(ran.status, 1);
    says(&ran, &["no response in time"]);
}

#[test]
fn a_token_is_read_from_a_file_and_never_shown() {
    let app = App::content();
    let token = b"planted-admin-token";
    let gate = setup(&app)
        .with(|setup| {
            setup.config.admin.token = Some(Secret::new(&token[..]).expect("a token"));
        })
        .start();
    let dir = tempfile::tempdir().expect("a directory");
    let (right, wrong) = (dir.path().join("right"), dir.path().join("wrong"));
    write_secret(&right, &[&token[..], b"\n"].concat());
    write_secret(&wrong, b"planted-other-token-");
    let with = |file: &std::path::Path| {
        status(&[&url(&gate), "--token-file", &file.display().to_string()])
    };
    assert_eq!(with(&right).status, 0);
    for ran in [status(&[url(&gate)]), with(&wrong)] {
        assert_eq!(ran.status, 1);
        says(&ran, &["requires another token"]);
        assert!(!ran.stdout.contains("planted") && !ran.stderr.contains("planted"));
    }
    assert_eq!(with(&dir.path().join("none")).status, 2);
}

#[test]
fn what_is_no_admin_listener_is_no_gate() {
    let app = App::content();
    let gate = setup(&app).start();
    let public = format!("http://{}", gate.address());
    let ran = status(&[public]);
    assert_eq!(ran.status, 1);
    says(&ran, &["unexpected status 404"]);
    for useless in [
        "http://127.0.0.1:1/api",
        "127.0.0.1:9180",
        "ftp://127.0.0.1",
    ] {
        let ran = status(&[useless]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{useless}");
    }
}
