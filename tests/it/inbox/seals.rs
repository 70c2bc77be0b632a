//! An edited database: an event goes to the destination that it was stored for, or to no
//! destination.

use std::{fs, path::Path};

use rusqlite::Connection;

use super::commands::inbox_in;
use crate::{
    program::Program,
    support::{App, SECRET, request, signature_line, wait_until},
};

/// Returns the configuration with the shop at `shop`, and an app for mail.
fn config(file: &Path, shop: &str, mail: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
drain_delay = "0s"
[inbox]
store = "sqlite:{}"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
event = {{ kind = "order" }}
durable = true
[[endpoint.destination]]
name = "shop"
url = "{shop}"
events = ["order"]
[[endpoint.destination]]
name = "mail"
url = "{mail}"
events = ["abandoned-cart"]
"#,
        file.display()
    )
}

fn serve(file: &Path, shop: &str, mail: &str) -> Program {
    Program::serve_file(&config(file, shop, mail), &[("secret", SECRET)])
}

fn stop(mut gate: Program) {
    gate.signal("TERM");
    wait_until("it ends", || !gate.runs());
}

fn send(gate: &Program, body: &[u8]) {
    let delivery = request("POST /hooks HTTP/1.1", &signature_line(body), body);
    assert_eq!(gate.client().ask(delivery).status, 200);
}

/// Stores five orders for a shop that is down.
fn stored(file: &Path) {
    let gate = serve(file, "http://127.0.0.1:1", "http://127.0.0.1:1");
    for body in [b"first", b"moved", b"added", b"copy1", b"last1"] {
        send(&gate, body);
    }
    send(&gate, b"copy1");
    stop(gate);
}

fn edit(file: &Path, statement: &str) {
    let store = Connection::open(file).expect("a store");
    let changed = store.execute(statement, []).expect("it is done");
    assert_eq!(changed, 1, "{statement}");
}

/// Returns the condition for the event with this body.
fn with_body(body: &str) -> String {
    format!(
        "(SELECT min(id) FROM event JOIN content ON content.body = event.body
          WHERE bytes = CAST('{body}' AS BLOB))"
    )
}

#[test]
fn an_edited_destination_or_copy_count_reaches_no_app() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("inbox.db");
    stored(&file);
    let moved = with_body("moved");
    edit(
        &file,
        &format!("UPDATE delivery SET queue = 'mail' WHERE event = {moved}"),
    );
    let added = with_body("added");
    edit(
        &file,
        &format!(
            "INSERT INTO delivery (event, queue, state, rank, due, seal)
             SELECT event, 'mail', 0, 0, due, seal FROM delivery WHERE event = {added}"
        ),
    );
    edit(&file, "UPDATE event SET copy = 0 WHERE copy = 1");
    edit(&file, "UPDATE delivery SET due = 0 WHERE rank = 1");

    let (shop, mail) = (App::content(), App::content());
    let gate = serve(&file, &shop.url, &mail.url);
    let quarantined = || {
        let lines = gate.lines();
        lines
            .iter()
            .filter(|line| line.contains("quarantine"))
            .count()
    };
    wait_until("the edited ones are found out", || quarantined() == 3);
    wait_until("the others arrive", || shop.count() == 4);
    send(&gate, b"fresh");
    wait_until("and what comes after", || shop.count() == 5);
    assert_eq!(mail.count(), 0);
    let mut bodies: Vec<_> = shop.requests().into_iter().map(|one| one.body).collect();
    bodies.sort();
    assert_eq!(
        bodies,
        [&b"added"[..], b"copy1", b"first", b"fresh", b"last1"]
    );
    stop(gate);

    // A retry by an operator does not let them through either.
    fs::write(
        dir.path().join("cartgate.toml"),
        config(&file, &shop.url, &mail.url),
    )
    .expect("written");
    fs::write(dir.path().join("secret"), SECRET).expect("written");
    let retried = inbox_in(dir.path(), &["retry", "--state", "quarantined"]);
    assert!(retried.stderr.contains("seal"), "{}", retried.stderr);
    let gate = serve(&file, &shop.url, &mail.url);
    send(&gate, b"later");
    wait_until("what comes later arrives", || shop.count() == 6);
    assert_eq!(mail.count(), 0);
}

#[test]
fn an_operator_moves_an_event_and_an_editor_cannot_have_it_moved() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("inbox.db");
    stored(&file);
    // It seems to be stranded, so that a move would include it.
    let moved = with_body("moved");
    edit(
        &file,
        &format!("UPDATE delivery SET queue = 'old' WHERE event = {moved}"),
    );
    let mail = App::content();
    fs::write(dir.path().join("secret"), SECRET).expect("written");
    let text = config(&file, "http://127.0.0.1:1", &mail.url);
    fs::write(dir.path().join("cartgate.toml"), text).expect("written");
    let retry = |args: &[&str]| inbox_in(dir.path(), args).stderr;
    let stranded = ["retry", "--destination", "old", "--to", "mail"];
    let said = retry(&stranded);
    let store = Connection::open(&file).expect("a store");
    let states = "SELECT state FROM delivery WHERE queue = 'old'";
    let state: i64 = store
        .query_row(states, [], |row| row.get(0))
        .expect("a row");
    assert_eq!(state, 3, "{said}");
    drop(store);
    let said = retry(&["retry", "--destination", "shop", "--to", "mail"]);
    assert!(said.contains('5'), "{said}");
    let gate = serve(&file, "http://127.0.0.1:1", &mail.url);
    wait_until("mail has what was moved", || mail.count() == 5);
    assert!(mail.requests().iter().all(|one| one.body != b"moved"));
    stop(gate);
}
