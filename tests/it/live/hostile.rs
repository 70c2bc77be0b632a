//! Hostile bytes and secrets in recent deliveries.

use cartgate::destination::FixedHeaders;
use http::HeaderName;
use tower_cartgate::Secret;

use super::{Events, get, setup};
use crate::support::{App, BODY, SECRET, request, sign, signature_line};

#[test]
fn hostile_bytes_arrive_as_text_in_one_event() {
    let app = App::content();
    let gate = setup(&app).start();
    let mut events = Events::open(&gate);
    let path = "/hooks/\"'{}|%00%0a%1b[2Jé\u{202e}";
    let first_line = format!("POST {path} HTTP/1.1");
    let mut lines = signature_line(BODY).into_bytes();
    lines.extend(b"X-A: </script><img src=x onerror=alert(1)>\"\\ \xff\xfe\xe2\x80\xa8\r\n");
    let head = format!("{first_line}\r\nHost: gate.example\r\nContent-Length: 5\r\n");
    let bytes = [head.as_bytes(), &lines, b"\r\n", BODY].concat();
    let answer = gate.client().ask(bytes);
    let id = answer.header("X-Cartgate-Delivery").expect("an id");
    let (rows, _) = events.rows(1);
    let shown = get(&gate, &format!("/deliveries/{id}")).json();
    // The gate rejects such a target, and shows what it was.
    assert_eq!(answer.status, 400);
    assert_eq!(rows[0]["path"], path);
    assert_eq!(shown["received"]["target"], path);
    let headers = shown["received"]["headers"].as_array().expect("headers");
    let own = headers.iter().find(|pair| pair[0] == "x-a").expect("shown");
    let text = "</script><img src=x onerror=alert(1)>\"\\ \u{fffd}\u{fffd}\u{2028}";
    assert_eq!(own[1], text);
}

#[test]
fn a_long_path_is_cut() {
    let app = App::content();
    let gate = setup(&app).start();
    let mut events = Events::open(&gate);
    let first_line = format!("POST /{} HTTP/1.1", "a".repeat(4000));
    gate.client()
        .ask(request(&first_line, &signature_line(BODY), BODY));
    let (rows, _) = events.rows(1);
    let path = rows[0]["path"].as_str().expect("a path");
    assert!(path.len() < 300 && path.ends_with('…'), "{path}");
}

#[test]
fn no_credential_leaves_the_gate() {
    let app = App::content();
    let gate = setup(&app)
        .with(|setup| {
            let mut fixed = FixedHeaders::default();
            let secret = Secret::new("planted-door-key").expect("a secret");
            let name = HeaderName::from_static("x-door");
            fixed.insert(name, &secret).expect("a value");
            setup.settings.headers = fixed;
        })
        .start();
    let mut events = Events::open(&gate);
    let credentials = "Authorization: Bearer planted-1\r\nCookie: a=planted-2\r\n\
         Proxy-Authorization: Basic planted-3\r\nX-Api-Key: planted-4\r\n";
    let lines = format!("{}{credentials}", signature_line(BODY));
    let answer = gate
        .client()
        .ask(request("POST /hooks?a=b HTTP/1.1", &lines, BODY));
    let id = answer.header("X-Cartgate-Delivery").expect("an id");
    let (rows, _) = events.rows(1);
    let list = get(&gate, "/deliveries").body;
    let shown = get(&gate, &format!("/deliveries/{id}")).json().to_string();
    assert!(
        shown.contains("x-door") && shown.contains("(redacted, 16 bytes)"),
        "{shown}"
    );
    assert_eq!(app.only().header("x-door"), Some("planted-door-key"));
    let secret = String::from_utf8(SECRET.to_vec()).expect("text");
    for text in [&list, &shown, &format!("{rows:?}")] {
        for hidden in ["planted", &secret, &sign(BODY), &gate.token()] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        assert!(!text.contains("\"hello"), "a body in {text}");
    }
}
