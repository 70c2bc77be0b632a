//! Events that arrive again, through the program: an app that lacks one gets it, and no event is
//! taken for another.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use crate::{
    program::Program,
    support::{App, SECRET, Then, app::answer, request, signature_line, wait_until},
};

/// An address without a listener.
const DOWN: &str = "http://127.0.0.1:1";

/// Starts a gate that compares orders by their id, in front of two apps.
fn gate(shop: &str, mail: &str, unique: bool) -> Program {
    let unique = if unique { "unique = \"/order/id\"" } else { "" };
    let text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2
[admin]
listen = "unix:DIR/admin"
[inbox]
store = "sqlite:inbox.db"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
{unique}
[[endpoint.destination]]
name = "shop"
url = "{shop}"
[[endpoint.destination]]
name = "mail"
url = "{mail}"
"#
    );
    Program::serve_file(&text, &[("secret", SECRET)])
}

fn order(id: &str, note: usize) -> Vec<u8> {
    format!(r#"{{"order":{{"id":"{id}"}},"note":{note}}}"#).into_bytes()
}

#[track_caller]
fn send(gate: &Program, body: &[u8]) {
    let delivery = request("POST /hooks HTTP/1.1", &signature_line(body), body);
    assert_eq!(gate.client().ask(delivery).status, 200);
}

/// Returns how often an app got this body.
fn came(app: &App, body: &[u8]) -> usize {
    let requests = app.requests();
    requests.iter().filter(|one| one.body == body).count()
}

/// Starts an app that responds with 410 to the first request and 200 to the others.
fn giving_the_first_up() -> App {
    let count = Arc::new(AtomicUsize::new(0));
    App::tcp(move |_, wire| {
        let first = count.fetch_add(1, SeqCst) == 0;
        let status = if first { "410 Gone" } else { "200 OK" };
        wire.write_all(&answer(status, "", b""))?;
        Ok(Then::Keep)
    })
}

fn status(gate: &Program) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartgate"));
    let admin = format!("unix:{}", gate.file("admin").display());
    let output = command.env_clear().args(["status", &admin]).output();
    let output = output.expect("it runs");
    let stdout = String::from_utf8(output.stdout).expect("text");
    (output.status.code().expect("no signal ended it"), stdout)
}

fn metrics(gate: &Program) -> String {
    let mut stream = UnixStream::connect(gate.file("admin")).expect("an admin listener");
    let question = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut page = String::new();
    let asked = stream.write_all(question);
    let asked: io::Result<usize> = asked.and_then(|()| stream.read_to_string(&mut page));
    asked.expect("an answer");
    page
}

#[test]
fn an_order_that_comes_again_goes_to_the_app_that_had_given_it_up_and_to_no_other() {
    let (shop, mail) = (App::content(), giving_the_first_up());
    let gate = gate(&shop.url, &mail.url, true);
    let first = order("1001", 1);
    send(&gate, &first);
    gate.line(&["ERROR", "dead letter", "mail"]);
    wait_until("shop has it", || came(&shop, &first) == 1);
    send(&gate, &first);
    gate.line(&["stored=true", "duplicate_of="]);
    wait_until("mail has it too", || came(&mail, &first) == 2);
    // Now both have it, and repeats are dropped.
    wait_until("it is a duplicate", || {
        send(&gate, &first);
        gate.lines()
            .iter()
            .any(|line| line.contains("stored=false"))
    });
    let last = order("1002", 1);
    send(&gate, &last);
    wait_until("the last order arrives", || {
        came(&shop, &last) == 1 && came(&mail, &last) == 1
    });
    assert_eq!((came(&shop, &first), came(&mail, &first)), (1, 2));
}

#[test]
fn an_app_that_is_down_costs_another_none_of_many_equal_events() {
    let shop = App::content();
    let gate = gate(&shop.url, DOWN, false);
    let equal = order("", 1);
    for _ in 0..40 {
        send(&gate, &equal);
    }
    wait_until("shop has them all", || came(&shop, &equal) == 40);
    let line = gate.line(&["WARN", "too-many-copies", "stored=true"]);
    assert!(line.contains("copy=16"), "{line}");
    let page = metrics(&gate);
    for sample in [
        r#"cartgate_not_taken_total{endpoint="orders",destination="",reason="too-many-copies"} 24"#,
        r#"cartgate_inbox_arrivals_total{endpoint="orders",result="stored"} 40"#,
        r#"cartgate_inbox_pending{destination="mail"} 16"#,
    ] {
        assert!(page.contains(sample), "no {sample} in {page}");
    }
}

#[test]
fn a_repetition_over_the_limit_is_counted_and_needs_no_person() {
    let gate = gate(DOWN, DOWN, false);
    let equal = order("", 1);
    let delivery = request("POST /hooks HTTP/1.1", &signature_line(&equal), &equal);
    for number in 0..18 {
        let expected = if number < 16 { 200 } else { 429 };
        assert_eq!(gate.client().ask(&delivery).status, expected);
    }
    let sample =
        r#"cartgate_not_taken_total{endpoint="orders",destination="",reason="too-many-copies"} 2"#;
    let page = metrics(&gate);
    assert!(page.contains(sample), "no {sample} in {page}");
    let (_, screen) = status(&gate);
    assert!(screen.contains("not taken  2        never"), "{screen}");
    assert!(screen.contains("no open problems"), "{screen}");
}

#[test]
fn orders_whose_id_is_a_placeholder_all_arrive_and_a_person_hears_of_it() {
    let (shop, mail) = (App::content(), App::content());
    let gate = gate(&shop.url, &mail.url, true);
    let ids = [
        "{{ order.id }}",
        "null",
        "undefined",
        " ",
        "-",
        "0",
        "",
        "[object Object]",
    ];
    let all: Vec<_> = (0..ids.len() * 3)
        .map(|number| order(ids[number % ids.len()], number))
        .collect();
    for body in &all {
        send(&gate, body);
    }
    let zero = br#"{"order":{"id":0}}"#;
    send(&gate, zero);
    send(&gate, zero);
    wait_until("all arrive", || shop.count() == all.len() + 2);
    assert!(all.iter().all(|body| came(&shop, body) == 1));
    let line = gate.line(&["WARN", "identifies no event", "reason=placeholder"]);
    assert!(line.contains("orders"), "{line}");
    let (code, screen) = status(&gate);
    assert_eq!(code, 1, "{screen}");
    assert!(
        screen.contains("orders: the value at `unique` was a placeholder"),
        "{screen}"
    );
    let sample = r#"cartgate_inbox_unidentified_total{endpoint="orders",reason="placeholder"} 26"#;
    let page = metrics(&gate);
    assert!(page.contains(sample), "no {sample} in {page}");
}

#[test]
fn a_value_that_comes_with_different_bodies_is_no_id() {
    let (shop, mail) = (App::content(), App::content());
    let gate = gate(&shop.url, &mail.url, true);
    let bodies: Vec<_> = (0..20)
        .map(|number| order("planted-shop-7", number))
        .collect();
    for body in &bodies {
        send(&gate, body);
    }
    // The second could be the first, serialized again.
    wait_until("all but one arrive", || shop.count() == 19);
    for (number, body) in bodies.iter().enumerate() {
        assert_eq!(came(&shop, body), usize::from(number != 1), "{number}");
    }
    gate.line(&["WARN", "identifies no event", "reason=reused"]);
    let (code, screen) = status(&gate);
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains("the same in different bodies"), "{screen}");
    let sample = r#"cartgate_inbox_unidentified_total{endpoint="orders",reason="reused"} 18"#;
    let page = metrics(&gate);
    assert!(page.contains(sample), "no {sample} in {page}");
    assert!(!screen.contains("planted") && !page.contains("planted"));
    // The warning of one reason does not suppress that of the other.
    send(&gate, &order("null", 1));
    gate.line(&["WARN", "identifies no event", "reason=placeholder"]);
    let lines = gate.lines();
    assert!(
        lines.iter().all(|line| !line.contains("planted")),
        "{lines:?}"
    );
}

#[test]
fn replays_do_not_fill_the_log() {
    let shop = App::content();
    let gate = gate(&shop.url, &shop.url, true);
    let event = order("1001", 1);
    send(&gate, &event);
    wait_until("both have it", || came(&shop, &event) == 2);
    wait_until("it is a duplicate", || {
        send(&gate, &event);
        gate.lines()
            .iter()
            .any(|line| line.contains("stored=false"))
    });
    // As fast as two clients can, until more arrived in one second than the log shows.
    wait_until("lines are left out", || {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = gate.client();
                    let replay = request("POST /hooks HTTP/1.1", &signature_line(&event), &event);
                    for _ in 0..100 {
                        assert_eq!(client.ask(replay.clone()).status, 200);
                    }
                });
            }
        });
        gate.lines()
            .iter()
            .any(|line| line.contains("requests omitted from the log"))
    });
}
