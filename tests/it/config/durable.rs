//! The durable inbox in the life of the program: errors of the start, and changes at a reload.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::check::Site;
use crate::{
    answers::destination::taken_port,
    program::{Program, write_secret},
    support::{App, SECRET, Setup, genuine, wait_until},
};

/// Returns a durable endpoint whose store is in `dir`, with these names and addresses of
/// destinations.
fn file(dir: &Path, destinations: &[(&str, &str)]) -> String {
    let store = format!("sqlite:{}", dir.join("inbox.db").display());
    let mut text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
sandbox = false
[inbox]
store = {store:?}
[secret.current]
file = "secret"
[[endpoint]]
name = "hooks"
path = "/hooks"
secrets = ["current"]
durable = true
"#
    );
    // More attempts than the test has time for.
    let waits = ["100ms"; 300];
    for (name, url) in destinations {
        text += &format!(
            "[[endpoint.destination]]\nname = {name:?}\nurl = {url:?}\nretry = {waits:?}\n"
        );
    }
    text
}

fn served(text: &str) -> Program {
    Program::serve_file(text, &[("secret", SECRET)])
}

/// Returns the error of `serve` with a configuration that it must reject.
fn refused(text: &str, others: &[(&str, &[u8])]) -> String {
    let site = Site::with(text);
    for (name, content) in others {
        write_secret(&site.path().join(name), content);
    }
    let said = site.run(&["serve", "--config", "gate.toml"], &[]);
    assert_eq!(said.status, Some(2), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    said.err
}

fn end(program: Program) {
    program.signal("TERM");
    let (status, lines) = program.end();
    assert!(status.success(), "{lines:#?}");
}

/// Reloads with another file.
fn reload(program: &Program, text: &str) {
    let lines = program.lines().len();
    program.write_config(text);
    program.signal("HUP");
    wait_until("it is in force", || {
        let said = program.lines();
        let new = said.get(lines..).unwrap_or_default();
        new.iter()
            .any(|line| line.contains("configuration in force"))
    });
}

fn send(program: &Program, body: &[u8]) {
    let answer = program.client().ask(genuine(body));
    assert!(answer.is_kept(), "{answer:?}");
}

fn bodies(app: &App) -> Vec<Vec<u8>> {
    let mut bodies: Vec<_> = app.requests().into_iter().map(|one| one.body).collect();
    bodies.sort();
    bodies
}

#[test]
fn the_start_says_where_events_are_stored_and_for_whom_they_wait() {
    let (dir, app) = (tempfile::tempdir().expect("a directory"), App::content());
    let program = served(&file(dir.path(), &[("one", &app.url), ("two", &app.url)]));
    program.line(&[
        "endpoint=hooks",
        "inbox.db",
        "queues=\"one, two\"",
        "inbox enabled",
    ]);
    for name in ["inbox.db", "inbox.db.key"] {
        let mode = fs::metadata(dir.path().join(name))
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    send(&program, b"an order");
    app.wait_for(2);
}

#[test]
fn a_flag_makes_the_one_endpoint_durable() {
    let app = App::content();
    let program = Program::serve(&app, &["--inbox", "sqlite:inbox.db"]);
    program.line(&["store=sqlite:inbox.db", "queues=default"]);
    send(&program, b"an order");
    app.wait_for(1);
    let variables = [("CARTGATE_INBOX", "sqlite:another.db")];
    let program = Program::serve_with(&app, &[], &variables);
    program.line(&["store=sqlite:another.db"]);
}

#[test]
fn a_gate_in_this_process_is_durable_too() {
    let (dir, app) = (tempfile::tempdir().expect("a directory"), App::content());
    let gate = Setup::durable(&app, dir.path()).start();
    let answer = gate.client().ask(genuine(b"an order"));
    assert!(answer.is_kept(), "{answer:?}");
    app.wait_for(1);
}

#[test]
fn a_store_that_cannot_be_used_ends_the_start_with_one_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let destinations = [("app", "http://127.0.0.1:1")];
    let nowhere = file(&dir.path().join("nowhere"), &destinations);
    assert!(refused(&nowhere, &[]).contains("nowhere/inbox.db"));
    // No user can write there, not even root.
    let unwritable = refused(&file(Path::new("/proc"), &destinations), &[]);
    assert!(unwritable.contains("/proc/inbox.db"), "{unwritable}");

    let text = file(dir.path(), &destinations);
    let program = served(&text);
    let in_use = refused(&text, &[]);
    assert!(in_use.contains("another gate"), "{in_use}");
    end(program);

    let other = text.replace("[secret", "key = { file = \"key\" }\n[secret");
    let other = refused(
        &other,
        &[("key", b"a key that the store was not begun with")],
    );
    assert!(
        other.contains("was begun with another key") && other.contains("inbox.db"),
        "{other}"
    );

    let key = dir.path().join("inbox.db.key");
    fs::rename(&key, dir.path().join("away")).expect("renamed");
    let missing = refused(&text, &[]);
    assert!(
        missing.contains("inbox.db.key") && missing.contains("missing"),
        "{missing}"
    );
    fs::rename(dir.path().join("away"), &key).expect("renamed");

    end(served(&text));
    let db = rusqlite::Connection::open(dir.path().join("inbox.db")).expect("opened");
    db.pragma_update(None, "user_version", 99).expect("set");
    drop(db);
    let newer = refused(&text, &[]);
    assert!(newer.contains("a newer Cartgate wrote it"), "{newer}");
}

#[test]
fn a_reload_takes_up_queues_while_events_wait_and_never_another_store() {
    let (dir, app) = (tempfile::tempdir().expect("a directory"), App::content());
    let (_taken, down) = taken_port();
    let program = served(&file(dir.path(), &[("one", &down)]));
    send(&program, b"waits for one");
    // One more destination: the waiting events are not for it.
    reload(
        &program,
        &file(dir.path(), &[("one", &down), ("two", &app.url)]),
    );
    send(&program, b"for one and two");
    app.wait_for(1);
    // Renamed: the events that wait for `one` keep waiting.
    reload(&program, &file(dir.path(), &[("three", &app.url)]));
    send(&program, b"for three");
    app.wait_for(2);
    assert_eq!(bodies(&app), [&b"for one and two"[..], b"for three"]);
    // They arrive once it is back, at another address.
    reload(&program, &file(dir.path(), &[("one", &app.url)]));
    app.wait_for(4);
    let all: [&[u8]; 4] = [
        b"for one and two",
        b"for one and two",
        b"for three",
        b"waits for one",
    ];
    assert_eq!(bodies(&app), all);

    let elsewhere = file(dir.path(), &[("one", &app.url)]).replace("inbox.db", "other.db");
    reload(&program, &elsewhere);
    program.line(&["WARN", "key=inbox", "only after a restart"]);
    send(&program, b"into the same store");
    app.wait_for(5);
    assert!(!dir.path().join("other.db").exists());
}

#[test]
fn an_inbox_that_a_reload_would_have_to_open_leaves_the_old_in_force() {
    let (dir, app) = (tempfile::tempdir().expect("a directory"), App::content());
    let durable = file(dir.path(), &[("app", &app.url)]);
    let begins = durable.find("[inbox]").expect("an inbox");
    let ends = durable.find("[secret").expect("a secret");
    let direct = format!("{}{}", &durable[..begins], &durable[ends..]);
    let only_durable = |line: &&str| !line.starts_with("durable") && !line.starts_with("retry");
    let direct: Vec<_> = direct.lines().filter(only_durable).collect();
    let direct = direct.join("\n");
    let program = served(&direct);
    program.write_config(&durable);
    program.signal("HUP");
    program.line(&["ERROR", "only a restart opens an inbox", "stays in force"]);
    let answer = program.client().ask(genuine(b"an order"));
    assert_eq!((answer.status, &answer.body[..]), (200, &b"taken"[..]));
    assert!(!dir.path().join("inbox.db").exists());
}

#[test]
fn what_is_not_permitted_is_kept_all_the_same_and_reaches_no_app() {
    let (dir, app) = (tempfile::tempdir().expect("a directory"), App::content());
    let event =
        "durable = true\nevent = { pointer = \"/e\", order = [\"o\"], only = [\"order\"] }\n";
    let text = file(dir.path(), &[("app", &app.url)]).replace("durable = true\n", event);
    let program = served(&text);
    // After a rejection, the sender would retry forever.
    send(&program, br#"{"e":"x"}"#);
    send(&program, br#"{"e":"o"}"#);
    app.wait_for(1);
    assert_eq!(app.only().body, br#"{"e":"o"}"#);
    reload(&program, &text.replace("[\"order\"]", "[\"other\"]"));
    send(&program, br#"{"e":"y"}"#);
    app.wait_for(2);
    assert_eq!(bodies(&app), [&br#"{"e":"o"}"#[..], br#"{"e":"y"}"#]);
}
