//! Decisions on the signature. For every fault of it, the response is the same to the byte.

use std::time::{Duration, SystemTime};

use tower_cartgate::{EventKind, EventRule, FreshRule};

use crate::support::{
    Answer, App, BODY, Gate, Setup, forged, genuine, request, sign, sign_with, signature_line,
};

/// Returns the parts of a response that do not differ in every response.
fn said(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let mut headers = answer.headers.clone();
    let always_new = ["x-cartgate-delivery", "date"];
    headers.retain(|(name, _)| !always_new.contains(&name.to_ascii_lowercase().as_str()));
    (answer.status, headers, answer.body.clone())
}

fn header(value: &str) -> String {
    format!("X-Cartfunnel-Hmac-SHA256: {value}\r\n")
}

#[test]
fn whatever_is_wrong_with_a_signature_the_answer_is_the_same() {
    let app = App::content();
    let gate = Gate::before(&app);
    let right = sign(BODY);
    let mut client = gate.client();
    let mismatch = client.ask(forged(BODY));
    assert_eq!(mismatch.status, 401);
    let wrong = [
        String::new(),
        header(""),
        header(&right) + &header(&right),
        header(&right) + &header("x"),
        header(&format!("{right}, {right}")),
        header(&format!("\"{right}\"")),
        header(&format!("sha256={right}")),
        header(right.trim_end_matches('=')),
        header(&format!("{right}=")),
        header(&right[..40]),
        header(&right.to_lowercase()),
        header(&"0".repeat(64)),
        header(&"A".repeat(10_000)),
        header("\u{e9}"),
        header(&sign_with(b"another secret", BODY)),
        header(&sign(b"")),
        format!("X_Cartfunnel_Hmac_SHA256: {right}\r\n"),
        format!("X-Shopify-Hmac-SHA256: {right}\r\n"),
    ];
    for lines in wrong {
        let answer = client.ask(request("POST /hooks HTTP/1.1", &lines, BODY));
        assert_eq!(said(&answer), said(&mismatch), "{lines}");
    }
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    assert_eq!(app.count(), 1);
}

#[test]
fn without_a_well_formed_signature_the_body_is_not_waited_for() {
    let app = App::content();
    let gate = Gate::before(&app);
    for lines in ["", "X-Cartfunnel-Hmac-SHA256: x\r\n"] {
        // Even if the declared length is over the limit, because 401 precedes 413.
        for length in [5, 5_000_000_u64] {
            let head = format!(
                "POST /hooks HTTP/1.1\r\nHost: gate\r\nContent-Length: {length}\r\n{lines}\r\n"
            );
            assert_eq!(gate.client().ask(head).status, 401, "{lines}");
        }
    }
}

#[test]
fn a_signature_is_of_all_the_bytes_and_of_no_others() {
    let app = App::content();
    let gate = Gate::before(&app);
    let body = br#"{"event":"order.paid","note":"caf\u00e9"}"#;
    let changed: Vec<Vec<u8>> = vec![
        body[..body.len() - 1].to_vec(),
        [&body[..], b"\n"].concat(),
        [b"\xef\xbb\xbf", &body[..]].concat(),
        body.to_ascii_uppercase(),
        Vec::new(),
    ];
    for body in changed {
        let lines = signature_line(br#"{"event":"order.paid","note":"caf\u00e9"}"#);
        let answer = gate
            .client()
            .ask(request("POST /hooks HTTP/1.1", &lines, &body));
        assert_eq!(answer.status, 401);
    }
    assert_eq!(app.count(), 0);
    for genuinely in [&body[..], b"", b"\0\xff\xfe not text", b"{not json"] {
        assert_eq!(gate.client().ask(genuine(genuinely)).status, 200);
    }
    assert_eq!(app.count(), 4);
}

#[test]
fn each_secret_of_the_keyring_verifies() {
    let app = App::content();
    let setup = Setup::before(&app);
    let another: &[u8] = b"another planted secret of the tests";
    let config = setup.config(&[("current", crate::support::SECRET), ("previous", another)]);
    let gate = setup.start();
    let lines = header(&sign_with(another, BODY));
    let request = request("POST /hooks HTTP/1.1", &lines, BODY);
    assert_eq!(gate.client().ask(&request).status, 401);
    gate.config.send_replace(config);
    crate::support::wait_until("the new secrets are in force", || {
        gate.client().ask(&request).status == 200
    });
    assert_eq!(
        app.only().header("x-cartgate-secret-name"),
        Some("previous")
    );
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    assert_eq!(
        app.requests()[1].header("x-cartgate-secret-name"),
        Some("current")
    );
}

#[test]
fn a_delivery_of_another_kind_is_422_and_a_forged_one_stays_401() {
    let app = App::content();
    let rule = EventRule::pointer("/event")
        .expect("a pointer")
        .order(["order.paid"])
        .abandoned_cart(["cart.left"])
        .only([EventKind::Order]);
    let gate = Setup::before(&app)
        .with(|setup| setup.policy = Box::new(move |policy| policy.with_event_rule(rule.clone())))
        .start();
    let mut client = gate.client();
    for body in [
        &br#"{"event":"cart.left"}"#[..],
        br#"{"event":"order.paid","event":"cart.left"}"#,
        br#"{"event":"order.paid","event":"order.paid"}"#,
        br#"{"event":["order.paid"]}"#,
        br#"{"event":"order.paid""#,
        b"{}",
        b"",
    ] {
        assert_eq!(client.ask(genuine(body)).status, 422, "{body:?}");
        assert_eq!(client.ask(forged(body)).status, 401, "{body:?}");
    }
    assert_eq!(
        client.ask(genuine(br#"{"event":"order.paid"}"#)).status,
        200
    );
    let request = app.only();
    assert_eq!(request.header("x-cartgate-event"), Some("order"));
    assert_eq!(request.header("x-cartgate-event-source"), Some("payload"));
}

#[test]
fn a_stale_delivery_is_422_and_a_forged_one_stays_401() {
    let app = App::content();
    let rule = FreshRule::new("/sent_at", Duration::from_secs(600)).expect("a pointer");
    let gate = Setup::before(&app)
        .with(|setup| setup.policy = Box::new(move |policy| policy.with_fresh_rule(rule.clone())))
        .start();
    let mut client = gate.client();
    for body in [
        &br#"{"sent_at":"2020-01-01T00:00:00Z"}"#[..],
        br#"{"sent_at":"9999-01-01T00:00:00Z"}"#,
        b"{}",
        b"",
    ] {
        let stale = client.ask(genuine(body));
        assert_eq!(stale.status, 422, "{body:?}");
        let error = "cartgate; error=http_request_denied";
        assert_eq!(stale.header("proxy-status"), Some(error));
        assert_eq!(client.ask(forged(body)).status, 401, "{body:?}");
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.expect("a clock after 1970").as_secs();
    let fresh = format!(r#"{{"sent_at":{now}}}"#);
    assert_eq!(client.ask(genuine(fresh.as_bytes())).status, 200);
    assert_eq!(app.count(), 1);
}
