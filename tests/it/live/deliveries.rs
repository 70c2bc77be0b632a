//! The rows of requests, in the list and in the stream, and the view of one delivery.

use cartgate::proxy::config::admin::ConsoleMode;
use serde_json::{Value, json};

use super::{Events, get, ids, setup};
use crate::support::{
    App, BODY, Setup, Then, app, forged, genuine, request, signature_line, wait_until,
};

#[test]
fn a_delivery_has_a_row_in_the_stream_and_in_the_list() {
    let app = App::content();
    let gate = setup(&app).start();
    let mut events = Events::open(&gate);
    let answer = gate.client().ask(genuine(BODY));
    let id = answer.header("X-Cartgate-Delivery").expect("an id");
    let (rows, _) = events.rows(1);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    for (key, value) in [
        ("id", json!(id)),
        ("verdict", json!("accepted")),
        ("reason", Value::Null),
        ("cause", Value::Null),
        ("endpoint", json!("hooks")),
        ("kind", Value::Null),
        ("status", json!(200)),
        ("bytes", json!(BODY.len())),
        ("secret", json!("current")),
        ("method", json!("POST")),
        ("path", json!("/hooks")),
        ("destination", json!("app")),
        ("copy", Value::Null),
        ("duplicate_of", Value::Null),
    ] {
        assert_eq!(row[key], value, "{key} of {row}");
    }
    assert!(row["ms"].as_f64().expect("a number") > 0.0);
    assert!(row["at"].as_str().expect("a time").ends_with('Z'));
    assert_eq!(row["peer"], "127.0.0.1");
    let list = get(&gate, "/deliveries").json();
    assert_eq!(list, json!({ "items": [row], "next": null }));
}

#[test]
fn each_verdict_is_named_and_a_rejection_has_its_cause() {
    let app = App::tcp(|_, wire| {
        wire.write_all(&app::answer("500 Internal Server Error", "", b"no"))?;
        Ok(Then::Keep)
    });
    let gate = setup(&app)
        .with(|setup| setup.path = "/hooks".parse().expect("a path"))
        .start();
    let mut events = Events::open(&gate);
    // The doctor works only while somebody watches.
    events.named("rates");
    let mut client = gate.client();
    client.ask(genuine(BODY));
    client.ask(request("POST /else HTTP/1.1", &signature_line(BODY), BODY));
    client.ask(forged(BODY));
    let (rows, _) = events.rows(3);
    let facts = |row: &Value| {
        json!([
            row["verdict"],
            row["reason"],
            row["endpoint"],
            row["status"]
        ])
    };
    let facts: Vec<_> = rows.iter().map(facts).collect();
    let expected = [
        json!(["failed", "destination-answered", "hooks", 500]),
        json!(["rejected", "no-endpoint", null, 404]),
        json!(["rejected", "mismatch", "hooks", 401]),
    ];
    assert_eq!(facts, expected);
    let cause = events.named("cause").data;
    assert_eq!(cause["id"], rows[2]["id"]);
    assert_eq!(cause["cause"], "another-secret");
    let list = get(&gate, "/deliveries?verdict=rejected&endpoint=hooks").json();
    assert_eq!(list["items"][0]["cause"], "another-secret");
    let rates = events.named("rates").data;
    assert_eq!(rates["endpoints"][0]["endpoint"], "hooks", "{rates}");
}

#[test]
fn the_list_is_filtered_and_read_page_by_page() {
    let app = App::content();
    let gate = setup(&app).start();
    let mut client = gate.client();
    let deliveries = [
        genuine(BODY),
        forged(BODY),
        genuine(BODY),
        forged(BODY),
        genuine(BODY),
    ];
    let sent: Vec<_> = deliveries
        .iter()
        .map(|delivery| {
            let answer = client.ask(delivery);
            answer
                .header("X-Cartgate-Delivery")
                .expect("an id")
                .to_owned()
        })
        .collect();
    let mut newest_first = sent.clone();
    newest_first.reverse();
    let listed = |query: &str| {
        let list = get(&gate, &format!("/deliveries{query}")).json();
        ids(list["items"].as_array().expect("items"))
    };
    assert_eq!(listed(""), newest_first);
    assert_eq!(listed("?verdict=rejected"), [sent[3].as_str(), &sent[1]]);
    assert_eq!(listed("?verdict=rejected,accepted"), newest_first);
    assert_eq!(listed("?reason=mismatch&endpoint=hooks").len(), 2);
    assert_eq!(listed(&format!("?id={}", sent[2])), [sent[2].as_str()]);
    assert!(listed("?endpoint=other").is_empty());
    assert!(listed("?kind=order").is_empty());

    let (mut pages, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = get(&gate, &format!("/deliveries{query}")).json();
        pages.extend(ids(page["items"].as_array().expect("items")));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        // A newer delivery moves no page.
        client.ask(genuine(BODY));
        query = format!("?limit=2&after={next}");
    }
    assert_eq!(pages, newest_first);

    for query in [
        "?after=planted",
        "?after=0190000000007000800000000000000a-1",
        "?verdict=planted",
        "?id=1",
        "?limit=x",
        "?limit=0",
        "?limit=1001",
        "?planted=1",
    ] {
        let reply = get(&gate, &format!("/deliveries{query}"));
        assert_eq!(reply.status, 400, "{query} {reply:?}");
        let problem: Value = serde_json::from_str(&reply.body).expect("a problem");
        assert_eq!(problem["status"], 400, "{problem}");
    }
}

#[test]
fn without_a_console_nothing_is_recorded_until_a_program_asks() {
    let app = App::content();
    let gate = setup(&app)
        .with(|setup| setup.config.admin.console = ConsoleMode::Off)
        .start();
    let mut client = gate.client();
    client.ask(genuine(BODY));
    let mut events = Events::open(&gate);
    let first = events.named("deliveries").data;
    assert_eq!(first, json!({ "items": [], "skipped": 1 }));
    client.ask(genuine(BODY));
    assert_eq!(events.rows(1).0.len(), 1);
    let list = get(&gate, "/deliveries").json();
    assert_eq!(list["items"].as_array().expect("items").len(), 1);
}

#[test]
fn a_direct_delivery_shows_both_of_its_heads() {
    let app = App::content();
    let gate = setup(&app).start();
    let lines = format!("{}X-Mine: a\r\nCookie: a=b\r\n", signature_line(BODY));
    let answer = gate
        .client()
        .ask(request("POST /hooks?a=b HTTP/1.1", &lines, BODY));
    let id = answer.header("X-Cartgate-Delivery").expect("an id");
    let shown = get(&gate, &format!("/deliveries/{id}")).json();
    assert_eq!(shown["row"]["id"], id);
    assert_eq!(shown["event"], Value::Null);
    assert_eq!(shown["rejection"], false);
    assert_eq!(shown["received"]["target"], "/hooks?a=b");
    let received = shown["received"]["headers"].as_array().expect("headers");
    assert!(received.contains(&json!(["x-mine", "a"])), "{received:?}");
    assert!(received.contains(&json!(["cookie", "(redacted, 3 bytes)"])));
    let forwarded = &shown["forwarded"][0];
    assert_eq!(forwarded["destination"], "app");
    is_what_the_app_got(forwarded, &app.only());
}

/// Checks that the shown request is the one that the app got, except for hidden values.
#[track_caller]
fn is_what_the_app_got(forwarded: &Value, got: &app::Recorded) {
    assert_eq!(forwarded["method"], got.method);
    assert_eq!(forwarded["target"], got.target);
    let shown = forwarded["headers"].as_array().expect("headers");
    let got = got.headers.iter().map(|(name, value)| {
        let length = value.len();
        match name.as_str() {
            "x-cartfunnel-hmac-sha256" | "authorization" => {
                json!([name, format!("(redacted, {length} bytes)")])
            }
            _ => json!([name, value]),
        }
    });
    assert_eq!(*shown, got.collect::<Vec<_>>());
}

#[test]
fn a_stored_delivery_shows_its_event_and_its_attempt() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let gate = Setup::durable(&app, dir.path())
        .with(|setup| setup.admin = Some("127.0.0.1:0".parse().expect("an address")))
        .start();
    let mut events = Events::open(&gate);
    let lines = format!("{}Authorization: Bearer planted\r\n", signature_line(BODY));
    let answer = gate
        .client()
        .ask(request("POST /hooks HTTP/1.1", &lines, BODY));
    let id = answer.header("X-Cartgate-Delivery").expect("an id");
    let row = events.rows(1).0.remove(0);
    assert_eq!(
        (&row["verdict"], &row["copy"]),
        (&json!("stored"), &json!(0))
    );
    let show = || get(&gate, &format!("/deliveries/{id}")).json();
    wait_until("delivered", || {
        show()["event"]["deliveries"][0]["state"] == "delivered"
    });
    let shown = show();
    assert_eq!(shown["event"]["id"], id);
    is_what_the_app_got(&shown["forwarded"][0], &app.only());
    assert!(!shown.to_string().contains("planted"), "{shown}");
    let inbox = events.named("inbox").data;
    assert!(
        inbox["events"].is_object() || inbox["events"].is_number(),
        "{inbox}"
    );
    assert_eq!(events.named("status").data["ready"], true);
}

#[test]
fn an_unknown_delivery_is_not_found() {
    let app = App::content();
    let gate = setup(&app).start();
    let none = "01900000-0000-7000-8000-000000000000";
    for path in [
        format!("/deliveries/{none}"),
        format!("/deliveries/{none}/curl"),
    ] {
        assert_eq!(get(&gate, &path).status, 404, "{path}");
    }
    assert_eq!(get(&gate, "/deliveries/planted").status, 400);
}
