//! Events that wait for an app that is down, for an app that crashes, and under a wrong clock.

use std::{fs, io, path::Path};

use rusqlite::Connection;
use serde_json::Value;

use super::{ask, inbox};
use crate::{
    program::Program,
    support::{App, Recorded, SECRET, Then, app::answer, request, signature_line, wait_until},
};

/// A gate whose events become dead letters when their only attempt is rejected.
const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:0"
workers = 2
drain_delay = "0s"
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
url = "unix:DIR/app.sock"
retry = []
"#;

fn gate() -> Program {
    Program::serve_file(CONFIG, &[("secret", SECRET)])
}

fn send(gate: &Program, body: &str) {
    let body = body.as_bytes();
    let delivery = request("POST /hooks HTTP/1.1", &signature_line(body), body);
    assert_eq!(gate.client().ask(delivery).status, 200);
}

/// Starts the app that was down until now.
fn app(
    gate: &Program,
    behave: impl Fn(&Recorded) -> Option<(&'static str, &'static str)> + Send + Sync + 'static,
) -> App {
    App::unix(&gate.file("app.sock"), move |request, wire| {
        let Some((status, lines)) = behave(request) else {
            return Err(io::ErrorKind::ConnectionAborted.into());
        };
        wire.write_all(&answer(status, lines, b"\r\nas it is\r\nand more"))?;
        Ok(Then::Keep)
    })
}

fn listed(gate: &Program) -> Vec<Value> {
    inbox(gate, &["list", "--json"]).ends(0).json()
}

fn all_are(gate: &Program, state: &str) -> bool {
    listed(gate).iter().all(|one| one["state"] == state)
}

fn bodies(app: &App) -> Vec<String> {
    let requests = app.requests().into_iter();
    requests
        .map(|request| String::from_utf8(request.body).expect("text"))
        .collect()
}

#[test]
fn orders_wait_for_an_app_that_is_down_and_none_for_longer() {
    let gate = gate();
    send(&gate, "first");
    gate.line(&["destination is down"]);
    send(&gate, "second");
    send(&gate, "third");
    wait_until("each has probed it", || {
        listed(&gate).iter().all(|one| {
            assert_eq!(
                (&one["state"], &one["attempts"]),
                (&"pending".into(), &0.into())
            );
            one["reason"] == "destination-refused"
        })
    });
    let status = ask(&gate, "/api/v1/status");
    let status = status.split("\r\n\r\n").nth(1).expect("a body");
    let status: Value = serde_json::from_str(status).expect("a report");
    let waiting = &status["inbox"]["waiting"][0];
    assert_eq!(
        (&waiting["destination"], &waiting["pending"]),
        (&"shop".into(), &3.into())
    );
    assert!(
        waiting["oldest"].is_u64() && waiting["down_since"].is_u64(),
        "{waiting}"
    );

    let app = app(&gate, |_| Some(("200 OK", "")));
    wait_until("all are delivered", || all_are(&gate, "delivered"));
    gate.line(&["destination is back"]);
    let mut bodies = bodies(&app);
    let probe = bodies.remove(0);
    let mut rest = vec!["first", "second", "third"];
    rest.retain(|body| *body != probe);
    assert_eq!(bodies, rest, "the oldest first, once one was a probe");
    let attempts = |one: &Value| one["attempts"] == 1;
    assert!(listed(&gate).iter().all(attempts));
}

#[test]
fn a_reload_and_a_command_end_the_wait_for_an_app() {
    let gate = gate();
    let app = app(&gate, |_| Some(("503 Later", "Retry-After: 86400\r\n")));
    send(&gate, "first");
    app.wait_for(1);
    gate.line(&["destination is down"]);
    gate.signal("HUP");
    app.wait_for(2);
    wait_until("it waits again", || all_are(&gate, "pending"));
    let id = listed(&gate)[0]["id"].as_str().expect("an id").to_owned();
    for (command, requests) in [
        (vec!["retry", &id], 3),
        (vec!["retry", "--state", "pending"], 4),
    ] {
        inbox(&gate, &command).ends(0).says("1 are due now");
        app.wait_for(requests);
    }
    inbox(&gate, &["retry", "--state", "delivered"])
        .ends(2)
        .says("replay");
    assert_eq!(listed(&gate)[0]["attempts"], 0);
}

#[test]
fn an_order_that_crashes_the_app_holds_up_no_other() {
    let gate = gate();
    let app = app(&gate, |request| {
        (request.body != b"poison").then_some(("200 OK", ""))
    });
    for body in ["poison", "first", "second", "third"] {
        send(&gate, body);
    }
    wait_until("the others are delivered", || {
        let all = listed(&gate);
        let delivered = all.iter().filter(|one| one["state"] == "delivered");
        delivered.count() == 3 && all[0]["state"] == "dead"
    });
    let poison = &listed(&gate)[0];
    assert_eq!(
        (&poison["attempts"], &poison["reason"]),
        (&1.into(), &"destination-broke-off".into())
    );
    let tries = bodies(&app).iter().filter(|body| *body == "poison").count();
    assert!(tries >= 2, "its first failure may have been the app's own");
    let list = inbox(&gate, &["list", "--state", "dead"]).ends(0);
    assert!(
        list.text().contains("destination-broke-off"),
        "{}",
        list.text()
    );
}

#[test]
fn a_list_shows_why_a_delivery_failed() {
    let gate = gate();
    inbox(&gate, &["list"]).ends(0).says("no deliveries");
    inbox(&gate, &["list", "--json"]).ends(0);
    let _app = app(&gate, |_| Some(("500 Broken", "")));
    send(&gate, "first");
    wait_until("it is a dead letter", || all_are(&gate, "dead"));
    let list = inbox(&gate, &["list"]).ends(0);
    let why = "destination-answered 500: as it is";
    assert!(list.text().contains(why), "{}", list.text());
    assert!(!list.text().contains("and more"), "the first line alone");
    let json = &listed(&gate)[0];
    assert_eq!(
        (&json["status"], &json["response"]),
        (&500.into(), &"as it is".into())
    );
    let id = json["id"].as_str().expect("an id");
    let shown = inbox(&gate, &["show", id]).ends(0);
    assert!(shown.text().contains(why), "{}", shown.text());
}

/// Starts a gate on the files of another one.
fn restarted(before: &Path, change: &str) -> Program {
    let file = before.join("inbox.db");
    let database = Connection::open(&file).expect("a database");
    assert!(database.execute(change, []).expect("changed") > 0);
    drop(database);
    let [store, key] =
        ["inbox.db", "inbox.db.key"].map(|name| fs::read(before.join(name)).expect("there"));
    Program::serve_file(
        CONFIG,
        &[
            ("secret", SECRET),
            ("inbox.db", &store),
            ("inbox.db.key", &key),
        ],
    )
}

#[test]
fn an_event_that_a_wrong_clock_has_dated_ahead_is_delivered() {
    let text = CONFIG.replace("retry = []", "retry = [\"2s\"]");
    for change in [
        // Stored, and rejected, under a clock that was a day ahead.
        "UPDATE delivery SET due = due + 86400000, wait = 0, attempts = 0",
        "UPDATE delivery SET due = due + 86400000",
    ] {
        let mut gate = Program::serve_file(&text, &[("secret", SECRET)]);
        let first = app(&gate, |_| Some(("500 Broken", "")));
        send(&gate, "first");
        first.wait_for(1);
        wait_until("it is rejected", || listed(&gate)[0]["attempts"] == 1);
        gate.signal("TERM");
        wait_until("it ends", || !gate.runs());
        let folder = gate.file("secret");
        let next = restarted(folder.parent().expect("a folder"), change);
        let app = app(&next, |_| Some(("200 OK", "")));
        app.wait_for(1);
        wait_until("it is delivered", || all_are(&next, "delivered"));
    }
}
