//! Saved rejections in the API of the admin listener.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use cartgate::net::listener::ListenAddress;
use serde_json::Value;
use tower_cartgate::{Keyring, Policy, Secret};

use super::{OLD_SECRET, Site, rejected};
use crate::support::{Gate, PATIENCE, SECRET, Setup, forged, genuine, request, sign, wait_until};

/// Returns the setup of a gate with an admin listener that knows only the old secret.
fn setup(site: &Site) -> Setup {
    let settings = site.settings.clone();
    Setup::before(&site.app).with(|setup| {
        setup.path = "/hooks".parse().expect("a path");
        setup.admin = Some("127.0.0.1:0".parse().expect("an address"));
        setup.policy = Box::new(|_| {
            let old = Secret::new(OLD_SECRET).expect("a secret");
            Policy::new(Keyring::single(old))
        });
        setup.config.rejected = Some(settings);
    })
}

/// Puts the new secret in force.
fn rotate(site: &Site, gate: &Gate) {
    let mut setup = setup(site);
    setup.policy = Box::new(|policy| policy);
    gate.config
        .send_replace(setup.config(&[("current", SECRET)]));
}

/// Returns the status, the head and the body of a response.
fn ask(gate: &Gate, line: &str) -> (u16, String, Vec<u8>) {
    ask_with(gate, line, "", "")
}

/// Sends a request with further header lines and a body.
fn ask_with(gate: &Gate, line: &str, lines: &str, body: &str) -> (u16, String, Vec<u8>) {
    let ListenAddress::Tcp(address) = gate.admin() else {
        panic!("it listens elsewhere");
    };
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n{lines}Connection: close\r\n\r\n{body}",
        gate.token()
    );
    stream.write_all(request.as_bytes()).expect("written");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("a response");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let body = bytes.split_off(end.expect("a head") + 4);
    let head = String::from_utf8(bytes).expect("text");
    let status = head[9..12].parse().expect("a status");
    (status, head, body)
}

#[track_caller]
pub(super) fn json(gate: &Gate, line: &str) -> Value {
    let (status, _, body) = ask(gate, line);
    let text = String::from_utf8_lossy(&body);
    assert_eq!(status, 200, "{text}");
    serde_json::from_slice(&body).expect("JSON")
}

#[track_caller]
pub(super) fn is(gate: &Gate, line: &str, expected: u16, reason: &str) {
    let (status, _, body) = ask(gate, line);
    let body: Value = serde_json::from_slice(&body).expect("a problem");
    assert_eq!(
        (status, &body["reason"]),
        (expected, &reason.into()),
        "{body}"
    );
}

#[test]
fn rejections_are_listed_newest_first_with_their_cause() {
    let site = Site::new();
    let gate = setup(&site).start();
    let mut client = gate.client();
    let body = b"an order";
    let early = rejected(&mut client, genuine(body));
    let lines = format!("X-Cartfunnel-Hmac-SHA256: {}\r\n", sign(b""));
    let middle = rejected(&mut client, request("POST /hooks HTTP/1.1", &lines, body));
    let late = rejected(&mut client, forged(b"another"));
    for id in [&early, &middle, &late] {
        site.file(id);
    }
    rotate(&site, &gate);
    let all = json(&gate, "GET /api/v1/rejected");
    let items = all["items"].as_array().expect("a list");
    let ids: Vec<_> = items
        .iter()
        .map(|item| item["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids, [&*late, &*middle, &*early]);
    assert_eq!(all["next"], Value::Null);
    assert_eq!(
        (&items[2]["secret"], &items[2]["cause"]),
        (&"current".into(), &Value::Null)
    );
    assert_eq!(items[1]["cause"], "empty-body-signed");
    assert_eq!(items[1]["diagnosis"]["cause"], "empty-body-signed");
    assert_eq!(items[1]["secret"], Value::Null);
    assert!(!all.to_string().contains("an order"), "no payload: {all}");

    let page = json(&gate, "GET /api/v1/rejected?limit=2");
    assert_eq!(page["items"][1]["id"], middle.as_str());
    assert_eq!(page["next"], middle.as_str());
    let rest = json(
        &gate,
        &format!("GET /api/v1/rejected?limit=2&after={middle}"),
    );
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&rest["items"][0]["id"], &rest["next"]),
        (&early.as_str().into(), &Value::Null)
    );
    is(&gate, "GET /api/v1/rejected?limit=0", 400, "bad-limit");
}

#[test]
fn one_is_shown_without_its_signature_and_its_body_is_octets() {
    let site = Site::new();
    let gate = setup(&site).start();
    let body = b"<script>\x00\xff</script>";
    let id = rejected(&mut gate.client(), genuine(body));
    site.file(&id);
    let shown = json(&gate, &format!("GET /api/v1/rejected/{id}"));
    assert_eq!(shown["endpoint"], "hooks");
    assert_eq!(shown["bytes"], body.len());
    let headers = shown["headers"].as_array().expect("headers");
    let signature = headers
        .iter()
        .find(|pair| pair[0] == "x-cartfunnel-hmac-sha256");
    assert_eq!(signature.expect("a signature")[1], "(redacted, 44 bytes)");
    let (status, head, octets) = ask(&gate, &format!("GET /api/v1/rejected/{id}/body"));
    assert_eq!((status, &*octets), (200, &body[..]));
    let head = head.to_ascii_lowercase();
    for line in [
        "content-type: application/octet-stream",
        "content-disposition: attachment",
        "x-content-type-options: nosniff",
    ] {
        assert!(head.contains(line), "{head}");
    }
    let unknown = "0198f0c2-6a3e-7c1d-9f4e-5b2a7c8d9e0f";
    for line in [
        format!("GET /api/v1/rejected/{unknown}"),
        format!("GET /api/v1/rejected/{unknown}/body"),
        format!("POST /api/v1/rejected/{unknown}/recheck"),
        format!("POST /api/v1/rejected/{unknown}/forward"),
    ] {
        is(&gate, &line, 404, "not-found");
    }
}

#[test]
fn only_what_verifies_now_is_forwarded_and_through_the_front_door() {
    let site = Site::new();
    let gate = setup(&site).start();
    let mut client = gate.client();
    let body = b"an order of yesterday";
    let id = rejected(&mut client, genuine(body));
    let forgery = rejected(&mut client, forged(b"a forgery"));
    let (file, _) = (site.file(&id), site.file(&forgery));
    let forward = |id: &str| format!("POST /api/v1/rejected/{id}/forward");
    is(&gate, &forward(&id), 409, "not-verified");
    let item = json(&gate, &format!("POST /api/v1/rejected/{id}/recheck"));
    assert_eq!(
        (&item["secret"], &item["late"]),
        (&Value::Null, &Value::Null)
    );

    rotate(&site, &gate);
    is(&gate, &forward(&forgery), 409, "not-verified");
    // The gate delivers it by itself.
    wait_until("it is delivered", || {
        let item = json(&gate, &format!("POST /api/v1/rejected/{id}/recheck"));
        (&item["secret"], &item["late"]) == (&"current".into(), &"delivered".into())
    });
    assert_eq!(site.app.only().header("x-cartgate-delivery"), Some(&*id));
    let result = app_gets_it_again_only_on_request(&site, &gate, &id);
    assert_eq!(
        (&result["status"], &result["verdict"]),
        (&200.into(), &"accepted".into())
    );
    let [_, received] = &site.app.requests()[..] else {
        panic!("twice, and no forgery");
    };
    assert_eq!(received.body, body);
    assert_eq!(received.target, "/hooks");
    assert_eq!(
        received.header("x-cartgate-delivery"),
        result["id"].as_str()
    );
    assert_ne!(
        result["id"].as_str(),
        Some(&*id),
        "it is a delivery of its own"
    );

    // A file that somebody changed is forwarded no more.
    let mut bytes = fs::read(&file).expect("a file");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).expect("written");
    is(&gate, &forward(&id), 409, "not-verified");
    fs::write(&file, "nothing").expect("written");
    is(&gate, &forward(&id), 409, "malformed");
    assert_eq!(site.app.count(), 2);
}

/// Forwards a rejection that was delivered before. Returns the result.
fn app_gets_it_again_only_on_request(site: &Site, gate: &Gate, id: &str) -> Value {
    let line = format!("POST /api/v1/rejected/{id}/forward");
    is(gate, &line, 409, "already-forwarded");
    // Another gate, or this one after a restart, knows it as well.
    let restarted = setup(site).start();
    rotate(site, &restarted);
    is(&restarted, &line, 409, "already-forwarded");
    let shown = json(gate, &format!("GET /api/v1/rejected/{id}"));
    assert!(shown["forwarded"].is_string(), "{shown}");
    let list = json(gate, "GET /api/v1/rejected");
    let items = list["items"].as_array().expect("a list");
    let marked = items.iter().filter(|item| item["forwarded"].is_string());
    assert_eq!(marked.count(), 1, "the forgery has no mark");
    assert_eq!(site.app.count(), 1);
    let again = serde_json::json!({ "again": true });
    let body = again.to_string();
    let length = body.len();
    let lines = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    let (status, _, text) = ask_with(gate, &line, &lines, &body);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&text));
    serde_json::from_slice(&text).expect("JSON")
}

/// The gate would respond 200 to itself, and the order would be lost.
#[test]
fn nothing_is_forwarded_to_an_endpoint_that_only_responds_with_verdicts() {
    let site = Site::new();
    let gate = setup(&site).with(|setup| setup.verdict = true).start();
    let id = rejected(&mut gate.client(), genuine(b"an order of yesterday"));
    let mut asked = setup(&site).with(|setup| setup.verdict = true);
    asked.policy = Box::new(|policy| policy);
    gate.config
        .send_replace(asked.config(&[("current", SECRET)]));
    let item = json(&gate, &format!("POST /api/v1/rejected/{id}/recheck"));
    assert_eq!(item["secret"], "current");
    is(
        &gate,
        &format!("POST /api/v1/rejected/{id}/forward"),
        409,
        "forwards-nothing",
    );
    assert_eq!(site.app.count(), 0);
}

#[test]
fn a_gate_that_saves_none_says_so() {
    let site = Site::new();
    let gate = setup(&site)
        .with(|setup| setup.config.rejected = None)
        .start();
    is(&gate, "GET /api/v1/rejected", 404, "none-saved");
}
