//! The request that an app gets for a verified delivery: its headers, its target, its bytes.

use cartgate::net::trusted_hops::{Hop, TrustedHops};

use crate::support::{App, BODY, Gate, Recorded, Setup, genuine, request, sign, signature_line};

/// Sends a delivery with these header lines; returns the request that the app got.
fn delivered(setup: Setup, app: &App, lines: &str) -> Recorded {
    let gate = setup.start();
    let lines = signature_line(BODY) + lines;
    let answer = gate
        .client()
        .ask(request("POST /hooks?a=b HTTP/1.1", &lines, BODY));
    assert_eq!(answer.status, 200);
    let request = app.only();
    assert_eq!(
        request.header("x-cartgate-delivery"),
        answer.header("x-cartgate-delivery")
    );
    request
}

fn names(request: &Recorded) -> Vec<String> {
    let mut names: Vec<_> = request
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    names
}

/// The headers that every app gets in addition to the sender's.
const ADDED: [&str; 13] = [
    "content-length",
    "forwarded",
    "host",
    "traceparent",
    "via",
    "x-cartfunnel-hmac-sha256",
    "x-cartgate-delivery",
    "x-cartgate-endpoint",
    "x-cartgate-secret-name",
    "x-cartgate-verdict",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

#[test]
fn the_gate_says_what_it_found() {
    let app = App::content();
    let request = delivered(Setup::before(&app), &app, "");
    assert_eq!(names(&request), ADDED);
    for (name, value) in [
        ("x-cartgate-verdict", "verified"),
        ("x-cartgate-endpoint", "hooks"),
        ("x-cartgate-secret-name", "current"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "gate.example"),
        ("x-forwarded-proto", "http"),
        (
            "forwarded",
            "for=127.0.0.1;host=\"gate.example\";proto=http",
        ),
        ("via", "1.1 cartgate"),
        ("content-length", "5"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert_eq!(request.header("host"), app.url.strip_prefix("http://"));
    assert_eq!(
        request.header("x-cartfunnel-hmac-sha256"),
        Some(&*sign(BODY))
    );
    assert_eq!((&*request.method, &*request.target), ("POST", "/hooks?a=b"));
}

#[test]
fn what_the_sender_says_of_its_payload_is_kept_to_the_byte() {
    let app = App::content();
    let lines = "Content-Type:  application/json;charset=\"UTF-8\" \r\nContent-Encoding: gzip\r\n\
                 User-Agent: Cartfunnel/1\r\nAccept: */*\r\nX-Own: 1\r\nX-Own: 2\r\nPriority: u=1\r\n";
    let request = delivered(Setup::before(&app), &app, lines);
    assert_eq!(
        request.header("content-type"),
        Some("application/json;charset=\"UTF-8\"")
    );
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    assert_eq!(request.header("user-agent"), Some("Cartfunnel/1"));
    let own: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("x-own"))
        .collect();
    assert_eq!(own.len(), 2);
    assert_eq!(own[0].1, "1");
}

#[test]
fn bytes_arrive_as_they_are_whatever_they_claim_to_be() {
    let app = App::content();
    let gate = Gate::before(&app);
    let all: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    for body in [
        &all[..],
        b"",
        b"\xef\xbb\xbf{}",
        b"{}\r\n",
        b"\x1f\x8b\x08 no gzip",
    ] {
        let lines = signature_line(body) + "Content-Encoding: gzip\r\n";
        let answer = gate
            .client()
            .ask(request("PUT /hooks HTTP/1.1", &lines, body));
        assert_eq!(answer.status, 200);
        let request = app.requests().pop().expect("it came");
        assert_eq!((&request.body[..], &*request.method), (body, "PUT"));
        assert_eq!(
            request.header("content-length"),
            Some(&*body.len().to_string())
        );
    }
}

#[test]
fn what_an_app_could_act_on_is_dropped() {
    let app = App::content();
    let lines = "Connection: keep-alive, X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=5\r\n\
         TE: trailers\r\nTrailer: X-Later\r\nUpgrade: h2c\r\nProxy-Authorization: Basic x\r\n\
         Proxy-Connection: keep-alive\r\nCookie: a=b\r\nX-Cartgate-Verdict: forged\r\n\
         X-Cartgate-Anything: 1\r\nx-cartgate-secret-name: forged\r\nWebhook-Id: 1\r\n\
         Webhook-Signature: v1,x\r\nWebhook-Timestamp: 1\r\nX-HTTP-Method: DELETE\r\n\
         X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method-Anything: DELETE\r\n\
         X-Method-Override: DELETE\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n\
         Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Host: evil\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /admin\r\nX-Real-IP: 1.1.1.1\r\n";
    let request = delivered(Setup::before(&app), &app, lines);
    assert_eq!(names(&request), ADDED);
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.header("x-cartgate-verdict"), Some("verified"));
}

#[test]
fn underscore_twins_are_dropped() {
    let app = App::content();
    let lines = "X_Cartgate_Verdict: forged\r\nX_Forwarded_For: 1.1.1.1\r\nContent_Type: a/b\r\n\
                 X_Cartfunnel_Hmac_SHA256: forged\r\nContent_Length: 1\r\nX-Real_IP: 1.1.1.1\r\n";
    assert_eq!(names(&delivered(Setup::before(&app), &app, lines)), ADDED);
}

#[test]
fn connection_cannot_strip_what_an_app_is_promised() {
    let app = App::content();
    let lines = "Connection: X-Cartfunnel-Hmac-SHA256, Content-Type, X-Cartgate-Verdict, Host\r\n\
                 Connection: content-encoding, content-length, x-forwarded-for, via, forwarded\r\n\
                 Content-Type: application/json\r\nContent-Encoding: identity\r\n";
    let mut expected = ADDED.to_vec();
    expected.extend(["content-encoding", "content-type"]);
    expected.sort_unstable();
    assert_eq!(
        names(&delivered(Setup::before(&app), &app, lines)),
        expected
    );
}

#[test]
fn a_trailer_is_no_header() {
    let app = App::content();
    let gate = Gate::before(&app);
    let signature = signature_line(BODY);
    let answer = gate.client().ask(format!(
        "POST /hooks HTTP/1.1\r\nHost: gate.example\r\n{signature}Trailer: X-Later\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Later: 1\r\nCookie: a=b\r\n\r\n"
    ));
    assert_eq!(answer.status, 200);
    assert_eq!(names(&app.only()), ADDED);
}

#[test]
fn a_signature_in_a_trailer_is_none() {
    let app = App::content();
    let gate = Gate::before(&app);
    let signature = signature_line(BODY);
    let answer = gate.client().ask(format!(
        "POST /hooks HTTP/1.1\r\nHost: gate\r\nTrailer: X-Cartfunnel-Hmac-SHA256\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{signature}\r\n"
    ));
    assert_eq!((answer.status, app.count()), (401, 0));
}

const FORWARDED: &str = "Forwarded: for=9.9.9.9;proto=https\r\nX-Forwarded-For: 9.9.9.9\r\n\
     X-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n\
     X-Real-IP: 8.8.8.8\r\nVia: 1.1 front\r\n";

fn trusting(app: &App, hop: &str) -> Setup {
    let hop: Hop = hop.parse().expect("a hop");
    Setup::before(app).with(|setup| setup.config.trusted_hops = TrustedHops::from_iter([hop]))
}

#[test]
fn a_trusted_hops_word_of_the_client_is_passed_on() {
    let app = App::content();
    let request = delivered(trusting(&app, "127.0.0.0/8"), &app, FORWARDED);
    for (name, value) in [
        ("x-forwarded-for", "9.9.9.9, 8.8.8.8, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example"),
        ("x-real-ip", "8.8.8.8"),
        ("via", "1.1 front, 1.1 cartgate"),
        (
            "forwarded",
            "for=9.9.9.9;host=\"shop.example\";proto=https, for=8.8.8.8, \
             for=127.0.0.1;host=\"shop.example\";proto=https",
        ),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
}

#[test]
fn another_hops_word_of_the_client_is_dropped() {
    let app = App::content();
    let request = delivered(trusting(&app, "10.0.0.0/8"), &app, FORWARDED);
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.header("x-forwarded-proto"), Some("http"));
    assert_eq!(request.header("x-forwarded-host"), Some("gate.example"));
    assert_eq!(request.header("x-real-ip"), None);
    let forwarded = "for=127.0.0.1;host=\"gate.example\";proto=http";
    assert_eq!(request.header("forwarded"), Some(forwarded));
}

#[test]
fn an_upstream_with_a_path_is_the_only_target() {
    for (path, expected) in [("/", "/"), ("/in", "/in"), ("/in?key=1", "/in?key=1")] {
        let app = App::content();
        let gate = Setup::at(&format!("{}{path}", app.url)).start();
        for line in [
            "POST /admin/delete?all=1 HTTP/1.1",
            "POST http://gate.example/x HTTP/1.1",
        ] {
            let answer = gate
                .client()
                .ask(request(line, &signature_line(BODY), BODY));
            assert_eq!(answer.status, 200, "{line}");
        }
        assert!(
            app.requests()
                .iter()
                .all(|request| request.target == expected),
            "{path}"
        );
        assert_eq!(app.count(), 2);
    }
}

#[test]
fn an_upstream_without_a_path_gets_the_target_byte_for_byte() {
    let app = App::content();
    let gate = Gate::before(&app);
    for target in [
        "/",
        "/a/../b",
        "/a//b",
        "/%2e%2e/%61",
        "/?",
        "/a?b=c&d=%20",
        "/a;b",
    ] {
        let line = format!("POST {target} HTTP/1.1");
        assert_eq!(
            gate.client()
                .ask(request(&line, &signature_line(BODY), BODY))
                .status,
            200
        );
        assert_eq!(app.requests().pop().expect("it came").target, target);
    }
}

#[test]
fn an_absolute_target_loses_the_gates_name() {
    let app = App::content();
    let gate = Gate::before(&app);
    for (target, expected) in [
        ("http://gate.example/a?b", "/a?b"),
        ("http://gate.example", "/"),
    ] {
        let line = format!("POST {target} HTTP/1.1");
        assert_eq!(
            gate.client()
                .ask(request(&line, &signature_line(BODY), BODY))
                .status,
            200
        );
        let request = app.requests().pop().expect("it came");
        assert_eq!(request.target, expected);
        assert_eq!(request.header("host"), app.url.strip_prefix("http://"));
    }
}

#[test]
fn each_delivery_has_an_id_of_its_own() {
    let app = App::content();
    let gate = Gate::before(&app);
    let mut client = gate.client();
    let ids: std::collections::HashSet<String> = (0..50)
        .map(|_| {
            client
                .ask(genuine(BODY))
                .header("x-cartgate-delivery")
                .expect("one")
                .to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 50);
}

#[test]
fn another_header_may_carry_the_signature() {
    for name in ["x-shopify-hmac-sha256", "webhook-signature"] {
        let app = App::content();
        let header = http::HeaderName::from_static(name);
        let gate = Setup::before(&app)
            .with(|setup| setup.policy = Box::new(move |policy| policy.with_header(header.clone())))
            .start();
        // The app of the tests checks the usual header, so the request carries it as well.
        let lines = signature_line(BODY) + &format!("{name}: {}\r\n", sign(BODY));
        assert_eq!(gate.client().ask(genuine(BODY)).status, 401);
        let answer = gate
            .client()
            .ask(request("POST /hooks HTTP/1.1", &lines, BODY));
        assert_eq!(answer.status, 200);
        assert_eq!(app.only().header(name), Some(&*sign(BODY)));
    }
}
